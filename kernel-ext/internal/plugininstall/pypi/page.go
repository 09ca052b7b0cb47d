package pypi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"mime"
	"net/url"
	"path"
	"regexp"
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
		return parseHTML(text, at), nil
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

// Tags with an address, and the address in them: quoted in one of two ways, or not at all.
var (
	tag  = regexp.MustCompile(`(?is)<(a|base)\s((?:[^>"']|"[^"]*"|'[^']*')*)>`)
	href = regexp.MustCompile(`(?is)(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
)

// parseHTML reads the form of PEP 503: every <a href> is a file, whose sum stands in the fragment, after #sha256=. Yanked
// files are files: PEP 592 lets installers take one that is pinned. The rest of the page, whatever it is, does not
// matter, and that is why two patterns do: a link that they miss is a wheel that is not found.
func parseHTML(text []byte, at *url.URL) (links []link) {
	for _, t := range tag.FindAllSubmatch(text, -1) {
		h := href.FindSubmatch(t[2])
		if h == nil {
			continue
		}
		address := html.UnescapeString(string(bytes.Join(h[1:], nil))) // one of the three
		u, err := at.Parse(strings.TrimSpace(address))
		if err != nil {
			continue
		}
		if len(t[1]) > 1 { // base
			at = u
			continue
		}
		sum, ok := strings.CutPrefix(u.Fragment, "sha256=")
		if !ok { // none, or one of another kind
			sum = ""
		}
		u.Fragment, u.RawFragment = "", ""
		links = append(links, link{path.Base(u.Path), u.String(), strings.ToLower(sum)})
	}
	return links
}
