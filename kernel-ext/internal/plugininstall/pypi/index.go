package pypi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/fetch"
)

// Index is a source of wheels: one or more package indexes. It may be used by several goroutines.
type Index struct {
	config  Config
	client  *http.Client
	indexes []*url.URL // with a slash at the end
	remedy  string

	tries    int           // for a page, and for a file without a byte of it in between
	pause    time.Duration // before the second try
	patience time.Duration // with a page
	stall    time.Duration // without a byte of a file
}

// New returns the indexes of a configuration. remedy says what to do where no index can be reached.
func New(c Config, remedy string) (*Index, error) {
	client, indexes, err := newClient(c)
	if err == nil && len(indexes) == 0 && len(c.FindLinks) == 0 {
		err = fmt.Errorf("pip's configuration has no-index and no find-links: %s", remedy)
	}
	return &Index{c, client, indexes, remedy, 5, 500 * time.Millisecond, time.Minute, time.Minute}, err
}

// String names the indexes by their hosts.
func (x *Index) String() string {
	var hosts []string
	for _, u := range x.indexes {
		hosts = append(hosts, u.Host)
	}
	switch len(hosts) {
	case 0:
		return "pip's find-links"
	case 1:
		return "the index " + hosts[0]
	}
	return "the indexes " + strings.Join(hosts, ", ")
}

// Remote is true.
func (x *Index) Remote() bool { return true }

// Bring downloads w into the folder keep, or finds it there or in a folder of find-links. A broken download goes on
// where it broke off, after a pause, also in another process.
//
// The error says which index was asked and what it answered.
func (x *Index) Bring(ctx context.Context, w plugininstall.Wheel, keep string, report func(int64)) (string, error) {
	path := filepath.Join(keep, w.File())
	if _, err := os.Stat(path); err == nil {
		// It was complete when it got its name; but unpacking was not reached, and perhaps because of it.
		found, err := plugininstall.Folder(keep).Bring(ctx, w, keep, report)
		var damaged *plugininstall.DamagedError
		if !errors.As(err, &damaged) { // nil, or it cannot be read now, which is no reason to throw gigabytes away
			return found, err
		}
		if err := os.Remove(path); err != nil {
			return "", err
		}
	}
	for _, dir := range x.config.FindLinks {
		dir = strings.TrimPrefix(dir, "file://")
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			if found, err := plugininstall.Folder(dir).Bring(ctx, w, keep, report); err == nil || ctx.Err() != nil {
				return found, err
			}
		}
	}
	if v := os.Getenv("QUIRE_OFFLINE"); v != "" && v != "0" {
		return "", fmt.Errorf("QUIRE_OFFLINE is set, so nothing is downloaded: unset it, or %s", x.remedy)
	}
	address, err := x.find(ctx, w)
	if err != nil {
		return "", err
	}
	f := &fetch.Fetcher{Client: x.client, Stall: x.stall, Retries: x.tries - 1, Pause: x.pause, Remedy: x.remedy,
		Progress: func(p fetch.Progress) { report(p.Done) }}
	return path, f.To(ctx, data.File{Path: w.File(), URLs: []string{address}, SHA256: w.SHA256, Size: w.Size}, path)
}

// find returns the address of w, from the first page that offers it.
func (x *Index) find(ctx context.Context, w plugininstall.Wheel) (string, error) {
	var pages []*url.URL
	for _, u := range x.indexes {
		pages = append(pages, u.JoinPath(normal(w.Project), "/"))
	}
	for _, address := range x.config.FindLinks {
		if u, err := url.Parse(address); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			pages = append(pages, u)
		}
	}
	var wrong []error
	for _, page := range pages {
		links, err := x.page(ctx, page)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		why := "has no " + w.File()
		for _, l := range links {
			switch {
			case l.name != w.File():
			case l.sha256 == "" || l.sha256 == w.SHA256:
				return l.url, nil
			default:
				why = fmt.Sprintf("has another %s than is pinned: its sha256 is %.8s…, not %.8s…", w.File(), l.sha256, w.SHA256)
			}
		}
		wrong = append(wrong, fmt.Errorf("%s %s", page.Host, why))
	}
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	if len(wrong) == 0 {
		wrong = append(wrong, fmt.Errorf("pip's find-links have no %s", w.File()))
	}
	text := wrong[0].Error()
	for _, err := range wrong[1:] {
		text += "; " + err.Error()
	}
	return "", fmt.Errorf("%s: %s", text, x.remedy)
}

var separators = regexp.MustCompile(`[-_.]+`)

// normal returns a project's name as addresses have it. Source: PEP 503, "Normalized names".
func normal(project string) string { return strings.ToLower(separators.ReplaceAllString(project, "-")) }

// page reads a page, with a few tries.
func (x *Index) page(ctx context.Context, at *url.URL) ([]link, error) {
	var err error
	for try := range x.tries {
		if try > 0 {
			select {
			case <-time.After(x.pause << (try - 1)):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		var links []link
		if links, err = x.tryPage(ctx, at); err == nil {
			return links, nil
		}
		if ctx.Err() != nil {
			break
		}
		var final bool
		if err, final = explain(err, at.Host); final {
			break
		}
	}
	return nil, err
}

// maxPage is far above the longest real page (some MB).
const maxPage = 1 << 27

func (x *Index) tryPage(ctx context.Context, at *url.URL) ([]link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, x.patience, fmt.Errorf("%s: no page in %v", at.Host, x.patience))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	request.Header.Set("Accept", accept)
	response, err := x.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	defer response.Body.Close()
	host := response.Request.URL.Host
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return nil, &refusal{fmt.Sprintf("%s answers %q: put a user and a password into the index's address in pip's configuration, or into ~/.netrc", host, response.Status)}
	case code == http.StatusNotFound:
		return nil, &refusal{fmt.Sprintf("%s has no page %s", host, at.Path)}
	case code >= 500 || code == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%s answers %q", host, response.Status)
	case code != http.StatusOK:
		return nil, &refusal{fmt.Sprintf("%s answers %q", host, response.Status)}
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, fmt.Errorf("%s: the page broke off: %w", host, err)
	}
	links, err := parsePage(response.Header.Get("Content-Type"), text, response.Request.URL)
	if err != nil {
		return nil, &refusal{fmt.Sprintf("%s sends %v", host, err)}
	}
	return links, nil
}
