package pypi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"path"
	"strings"
)

// link is a file that a page offers.
type link struct {
	name   string
	url    string // absolute
	sha256 string // in hexadecimal, lower case; "" if the page does not say
}

// accept asks for JSON, and takes HTML. Source: PEP 691, "Content types".
const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

// parsePage reads the page at an address, in the form that contentType says.
func parsePage(contentType string, text []byte, at *url.URL) ([]link, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return nil, fmt.Errorf("a page of the type %q", contentType)
	case strings.HasSuffix(kind, "+json"), kind == "application/json":
		return parseJSON(text, at)
	case strings.HasSuffix(kind, "html"):
		return parseHTML(text, at)
	}
	return nil, fmt.Errorf("a page of the type %q, which is neither JSON nor HTML", kind)
}

// parseJSON reads the form of PEP 691.
func parseJSON(text []byte, at *url.URL) ([]link, error) {
	var page struct {
		Files []struct {
			Filename string
			URL      string
			Hashes   map[string]string
		}
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, fmt.Errorf("a page that is no JSON: %w", err)
	}
	var links []link
	for _, f := range page.Files {
		if u, err := at.Parse(f.URL); err == nil {
			links = append(links, link{f.Filename, u.String(), strings.ToLower(f.Hashes["sha256"])})
		}
	}
	return links, nil
}

// parseHTML reads the form of PEP 503: every <a href> is a file, whose sum stands in the fragment, after #sha256=. Yanked
// files are files: PEP 592 lets installers take one that is pinned.
func parseHTML(text []byte, at *url.URL) ([]link, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // what counts here is ASCII
	var links []link
	for {
		token, err := d.Token()
		if err == io.EOF || err != nil && len(links) > 0 { // a link that a broken page hides will be missed later
			return links, nil
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("a page that is no HTML: line %d: %s", syntax.Line, syntax.Msg)
		}
		if err != nil {
			return nil, err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			if !strings.EqualFold(a.Name.Local, "href") {
				continue
			}
			u, err := at.Parse(strings.TrimSpace(a.Value))
			switch {
			case err != nil:
			case strings.EqualFold(start.Name.Local, "base"):
				at = u
			case strings.EqualFold(start.Name.Local, "a"):
				sum, _ := strings.CutPrefix(u.Fragment, "sha256=")
				if sum == u.Fragment {
					sum = "" // none, or one of another kind
				}
				u.Fragment, u.RawFragment = "", ""
				links = append(links, link{path.Base(u.Path), u.String(), strings.ToLower(sum)})
			}
		}
	}
}
