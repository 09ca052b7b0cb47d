package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quire-ml/quire/internal/safefile"
)

// Environment variables.
const (
	DirEnv   = "QUIRE_JOBS"  // the folder with all jobs
	LeaseEnv = "QUIRE_LEASE" // a folder that is locked as long as the owner of jobs lives

	kernelEnv = "QUIRE_KERNEL" // in the programs of a notebook's kernel: what they end with

	jobEnv   = "QUIRE_JOB"       // in a job: its folder. All processes that it starts carry it
	nameEnv  = "QUIRE_JOB_NAME"  // in a job: its name
	roleEnv  = "QUIRE_JOB_ROLE"  // what the program is started as
	ownerEnv = "QUIRE_JOB_OWNER" // how long it may live, see lease
)

// The files in a job's folder.
const (
	logFile     = "log.jsonl"
	programFile = "program"
	sourceFile  = "main.go" // of a cell
	linesFile   = "lines"   // the places of its lines
	controlFile = "control" // a named pipe: "stop" ends the job
	tempFolder  = "tmp"
	ownWords    = "watch.txt" // what the process that watches says: nothing, unless it is broken
)

const maxName = 200 // bytes

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes, want at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("the name has bytes that are no text of one line")
	}
	return nil
}

// root returns the folder with all jobs, which it makes if it is not there.
func root() (string, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("%w: set %s to a folder of your own", err, DirEnv)
		}
		dir = filepath.Join(cache, "quire", "jobs")
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("$%s is %q: want an absolute path, since cells run in several folders", DirEnv, dir)
	}
	return dir, safefile.MkdirPrivate(dir)
}

const (
	lockSuffix = ".lock"
	newMark    = ".new-" // in the name of a folder that is no job yet
)

// folderName returns the name of a job's folder.
func folderName(name string) string {
	readable := []byte(name)
	readable = readable[:min(len(readable), 40)]
	for i, c := range readable {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			readable[i] = '_'
		}
	}
	sum := sha256.Sum256([]byte(name))
	return string(readable) + "-" + hex.EncodeToString(sum[:8])
}

// copyFile copies a file with its time, which says whether source is older than a program.
func copyFile(to, from string, perm fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := safefile.CreateNew(to, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
