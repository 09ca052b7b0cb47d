package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/data"
)

// Fetcher downloads files. The zero value is ready for use, from several goroutines.
type Fetcher struct {
	Client   *http.Client       // nil: one that gives up on a server that does not answer for 30 s
	Stall    time.Duration      // give up when no byte comes for so long; 0: 60 s
	Progress func(Progress)     // called now and then, and at the end; may be nil
	Retries  int                // how often to go on after a broken connection that brought nothing, per address; 0: 2
	Pause    time.Duration      // before the first of these; each is twice as long as the one before; 0: 200 ms
	Remedy   string             // what else to do, for errors; "": to put the file where data.Open looks for it
	paths    map[string]*stairs // the downloads under way, by path
	mu       sync.Mutex
}

// stairs lets one goroutine after the other through, and is forgotten with the last.
type stairs struct {
	sync.Mutex
	users int
}

// Progress says how far a download is.
type Progress struct {
	File        data.File
	Done, Total int64 // bytes; Total is -1 if nobody knows
}

// Default is what data.Open uses when this package is imported.
var Default = &Fetcher{}

func init() {
	// data.Open names the file in its errors.
	data.SetDownloader(func(f data.File, path string) error { return Default.bring(context.Background(), f, path) })
}

// All brings files into the cache, where they are not there yet, as the command "quire data get" does.
func (d *Fetcher) All(ctx context.Context, files ...data.File) error {
	cache, err := data.CacheDir()
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(cache, filepath.FromSlash(f.Path))
		if found, err := isThere(path); err != nil {
			return fmt.Errorf("fetch %q: %w", f.Path, err)
		} else if found {
			continue
		}
		if err := d.To(ctx, f, path); err != nil {
			return err
		}
	}
	return nil
}

// To downloads f to path, whole and with the right checksum, or not at all. What was received so far is kept
// beside it, with the ending ".part", for the next call. A path that another call is downloading to is
// waited for; if it is complete then, nothing is left to do.
//
// The error names the file and says what to do: the network cannot be reached or must not be
// (QUIRE_OFFLINE), a server refuses, the checksum is wrong, the disk is full, ctx has ended.
func (d *Fetcher) To(ctx context.Context, f data.File, path string) error {
	if ctx == nil {
		return fmt.Errorf("fetch %q: the context is nil: give context.Background()", f.Path)
	}
	if err := d.bring(ctx, f, path); err != nil {
		return fmt.Errorf("fetch %q: %w", f.Path, err)
	}
	return nil
}

// bring does what To says; its errors do not name the file.
func (d *Fetcher) bring(ctx context.Context, f data.File, path string) error {
	defer d.lock(path)()
	if found, err := isThere(path); found || err != nil {
		return err
	}
	err := d.download(ctx, f, path)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: what was received so far is kept for the next time", ctx.Err())
	}
	return err
}

// isThere reports whether there is a file at path. What is no file is an error: it is not what was asked for, and nothing
// is put in its place.
func isThere(path string) (bool, error) {
	f, err := safefile.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// lock waits until nobody else downloads to path, and returns the function that lets the next one.
func (d *Fetcher) lock(path string) (unlock func()) {
	d.mu.Lock()
	if d.paths == nil {
		d.paths = map[string]*stairs{}
	}
	s := d.paths[path]
	if s == nil {
		s = &stairs{}
		d.paths[path] = s
	}
	s.users++
	d.mu.Unlock()
	s.Lock()
	return func() {
		s.Unlock()
		d.mu.Lock()
		defer d.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(d.paths, path)
		}
	}
}

// download tries the addresses of f in turn.
func (d *Fetcher) download(ctx context.Context, f data.File, path string) error {
	remedy := d.Remedy
	if remedy == "" {
		remedy = fmt.Sprintf("put the file at %s below a folder, and set QUIRE_DATA to that folder", f.Path)
	}
	if v := os.Getenv("QUIRE_OFFLINE"); v != "" && v != "0" {
		return fmt.Errorf("QUIRE_OFFLINE is set, so nothing is downloaded: unset it, or %s", remedy)
	}
	if len(f.URLs) == 0 {
		return fmt.Errorf("no address to download it from is known: %s", remedy)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var err error
	for _, address := range f.URLs {
		if err = d.from(ctx, address, f, path); err == nil || ctx.Err() != nil {
			return err
		}
		if isLocal(err) { // another address does not help
			return err
		}
	}
	var network *url.Error
	if errors.As(err, &network) {
		host := hostOf(f.URLs[len(f.URLs)-1])
		return fmt.Errorf("no answer from %s (%w): check the network, or %s", host, network.Err, remedy)
	}
	return fmt.Errorf("%w: try again later, or %s", err, remedy)
}

// isLocal reports whether the disk is the matter.
func isLocal(err error) bool {
	var path *os.PathError
	var other *safefile.NotRegularError
	return errors.As(err, &path) || errors.As(err, &other)
}

// hostOf returns the host of an address, for errors.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Hostname()
}

// from downloads from one address, with a few tries, and names the complete file. A try that brought a part of the
// file begins the count of tries anew.
func (d *Fetcher) from(ctx context.Context, address string, f data.File, path string) error {
	part := path + ".part"
	tries, pause := 1+d.Retries, d.Pause
	if d.Retries == 0 {
		tries = 3
	}
	if pause == 0 {
		pause = 200 * time.Millisecond
	}
	for try, most := 0, int64(0); ; try++ {
		err := d.try(ctx, address, f, part)
		if err == nil {
			return finalName(part, path)
		}
		var refusal *refusedError
		if ctx.Err() != nil || errors.As(err, &refusal) || isLocal(err) {
			return err
		}
		if info, e := os.Stat(part); e == nil && info.Size() > most {
			try, most = 0, info.Size()
		}
		if try+1 >= tries {
			return err
		}
		select {
		case <-time.After(pause << min(try, 6)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finalName renames part to path. Another process may have done so: it writes the same bytes to the same
// places of the same part, so both may go on.
func finalName(part, path string) error {
	err := os.Rename(part, path)
	if errors.Is(err, os.ErrNotExist) {
		if found, _ := isThere(path); found {
			return nil
		}
	}
	return err
}

// refusedError is an answer that trying again does not change.
type refusedError struct{ text string }

// Error is the text.
func (e *refusedError) Error() string { return e.text }

// try makes part complete: it asks for what is missing, appends it, and compares the checksum. A part with
// a wrong checksum is removed.
func (d *Fetcher) try(ctx context.Context, address string, f data.File, part string) (err error) {
	out, err := safefile.OpenOrCreate(part, 0o644) // reads from the beginning: what an earlier try brought is summed up
	if err != nil {
		return err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	sum := sha256.New()
	have, err := io.Copy(sum, out) // leaves out at its end
	if err != nil {
		return err
	}
	if have > 0 && f.CheckSum(sum.Sum(nil)) == nil {
		return nil // broken off between the last byte and the renaming
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, start, total, err := d.ask(ctx, address, have)
	if err != nil {
		return err
	}
	defer body.Close()
	if start == 0 && have > 0 { // the server sends all of it again
		sum.Reset()
		if err := errors.Join(out.Truncate(0), seek(out)); err != nil {
			return err
		}
	}
	done, err := d.receive(ctx, cancel, body, io.MultiWriter(out, sum), Progress{f, start, total})
	if err != nil {
		return fmt.Errorf("%s: %w", hostOf(address), err)
	}
	if total >= 0 && done < total {
		return fmt.Errorf("%s sent %d of %d bytes: %w", hostOf(address), done, total, io.ErrUnexpectedEOF)
	}
	err = d.finish(out, sum, address, f, part)
	var refusal *refusedError
	if start > 0 && errors.As(err, &refusal) { // what was there before may have been the wrong part: once from the start
		err = errors.New(refusal.text)
	}
	return err
}

func seek(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// finish checks the complete part and brings it to the disk.
func (d *Fetcher) finish(out *os.File, sum hash.Hash, address string, f data.File, part string) error {
	if err := f.CheckSum(sum.Sum(nil)); err != nil {
		os.Remove(part)
		return &refusedError{fmt.Sprintf("%v: %s has another file than expected, or something on the way changed it", err, hostOf(address))}
	}
	return out.Sync()
}

// ask requests the bytes from have on. It returns the body and the place of its first byte in the file.
func (d *Fetcher) ask(ctx context.Context, address string, have int64) (body io.ReadCloser, start, total int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, 0, &refusedError{err.Error()}
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	// Else the transport would unpack a file that is sent as gzip, and its bytes would be other ones.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := d.client().Do(request)
	if err != nil {
		return nil, 0, 0, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		return response.Body, 0, response.ContentLength, nil
	case http.StatusPartialContent:
		var first, last int64
		_, e := fmt.Sscanf(response.Header.Get("Content-Range"), "bytes %d-%d/", &first, &last)
		if e == nil && first == have && have > 0 {
			return response.Body, have, last + 1, nil
		}
		err = fmt.Errorf("%s answers with another part of the file than asked for", hostOf(address))
	case http.StatusRequestedRangeNotSatisfiable: // the part is longer than the file: begin again
		response.Body.Close()
		if have > 0 {
			return d.ask(ctx, address, 0)
		}
		fallthrough
	default:
		err = fmt.Errorf("%s answers %q", hostOf(address), response.Status)
		if response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests { // else it may go away
			err = &refusedError{err.Error()}
		}
	}
	response.Body.Close()
	return nil, 0, 0, err
}

var defaultClient = sync.OnceValue(func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	return &http.Client{Transport: t}
})

func (d *Fetcher) client() *http.Client {
	if d.Client != nil {
		return d.Client
	}
	return defaultClient()
}

// receive copies body to out, reports progress, and cancels the request when nothing comes. It returns the
// number of bytes of the file that are there.
func (d *Fetcher) receive(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, out io.Writer,
	p Progress) (int64, error) {
	stall := d.Stall
	if stall == 0 {
		stall = 60 * time.Second
	}
	silent := time.AfterFunc(stall, func() { cancel(fmt.Errorf("no byte came for %v", stall)) })
	defer silent.Stop()
	buffer := make([]byte, 128*1024)
	reported := time.Now()
	for {
		n, err := body.Read(buffer)
		silent.Reset(stall)
		if _, e := out.Write(buffer[:n]); e != nil {
			return p.Done, e
		}
		p.Done += int64(n)
		if p.Total < 0 && p.File.Size > 0 {
			p.Total = p.File.Size
		}
		if d.Progress != nil && (err == io.EOF || time.Since(reported) > 100*time.Millisecond) {
			reported = time.Now()
			d.Progress(p)
		}
		if err == io.EOF {
			return p.Done, nil
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return p.Done, err
		}
	}
}
