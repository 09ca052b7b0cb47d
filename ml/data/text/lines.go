package text

import (
	"fmt"
	"io"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/data/internal/folder"
	"github.com/quire-ml/quire/ml/data/internal/lines"
)

// Lines are the lines of one or several text files, numbered through from 0. They are read as they are wanted: in memory are their places,
// 8 bytes for each. They are data.Records, of which data.Examples makes examples, and may be read by several goroutines.
type Lines struct{ files lines.Files }

// OpenLines finds the lines of files in UTF-8, which end with \n or \r\n; the last one may end without. The files must not be changed while
// they are open. It returns an error if there are no lines, a file cannot be read, or a line has more than 128 MiB.
func OpenLines(paths ...string) (*Lines, error) {
	f, err := lines.Open(paths, false)
	if err != nil {
		return nil, fmt.Errorf("text.OpenLines: %w", err)
	}
	return &Lines{*f}, nil
}

// Len returns the number of lines.
func (l *Lines) Len() int { return l.files.Len() }

// At returns line i, without what ends it. It returns an error that names file and line if it cannot be read, or is not UTF-8.
func (l *Lines) At(i int) (string, error) {
	b, err := l.files.At(i)
	if err != nil {
		return "", fmt.Errorf("text: %w", err)
	}
	if err := checkUTF8(string(b)); err != nil {
		return "", fmt.Errorf("text: %s: %w", l.files.Place(i), err)
	}
	return string(b), nil
}

// Place returns where line i is, as "names.txt:3".
func (l *Lines) Place(i int) string { return l.files.Place(i) }

// Close closes the files. Lines cannot be read afterwards.
func (l *Lines) Close() error { return l.files.Close() }

// Documents are the text files below a folder, each of which is one text, in the order of their paths. They are read as they are wanted.
// They are data.Records, and may be read by several goroutines.
type Documents struct{ tree folder.Tree }

// OpenDocuments lists the files below a folder that end in .txt, or in one of the given extensions, such as ".md". Names that begin with
// a dot are passed over, and folders that are links. It returns an error if there are none.
func OpenDocuments(dir string, extensions ...string) (*Documents, error) {
	if len(extensions) == 0 {
		extensions = []string{".txt"}
	}
	t, err := folder.Walk(dir, extensions...)
	if err != nil {
		return nil, fmt.Errorf("text.OpenDocuments: %w", err)
	}
	return &Documents{*t}, nil
}

// Len returns the number of documents.
func (d *Documents) Len() int { return len(d.tree.Paths) }

// Path returns the path of document i below the folder, with slashes, "" if there is none.
func (d *Documents) Path(i int) string { return d.tree.Name(i) }

// Classes returns the names of the folders directly below the folder, sorted: what the documents in them are, if they are sorted so.
func (d *Documents) Classes() []string { return d.tree.Classes }

// Labels returns the class of each document: the place of its folder in Classes, -1 of one that is in no folder.
func (d *Documents) Labels() []int { return d.tree.Class }

// At returns document i. It returns an error that names the file if it cannot be read, has more than 128 MiB, or is not UTF-8.
func (d *Documents) At(i int) (string, error) {
	if i < 0 || i >= d.Len() {
		return "", fmt.Errorf("text: there is no document %d of %d", i, d.Len())
	}
	f, err := safefile.Open(d.tree.Path(i))
	if err != nil {
		return "", fmt.Errorf("text: %w", err)
	}
	defer f.Close()
	all, err := readText(f, f.Name())
	if err != nil {
		return "", fmt.Errorf("text: %w", err)
	}
	return all, nil
}

// readText reads a text called name.
func readText(r io.Reader, name string) (string, error) {
	all, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return "", err
	}
	if len(all) > maxText {
		return "", fmt.Errorf("%s: it has more than %d bytes: it is no such text", name, maxText)
	}
	if err := checkUTF8(string(all)); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(all), nil
}
