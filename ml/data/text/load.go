package text

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/ml/data"
)

// Both were put together by A. Karpathy; the texts themselves are in the public domain.
var (
	shakespeare = data.File{
		Path:   "text/tinyshakespeare.txt",
		URLs:   []string{"https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"},
		SHA256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
		Size:   1115394,
	}
	names = data.File{
		Path:   "text/names.txt",
		URLs:   []string{"https://raw.githubusercontent.com/karpathy/makemore/master/names.txt"},
		SHA256: "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
		Size:   228145,
	}
)

// Files returns the public files of this package, for those who fetch them beforehand.
func Files() []data.File { return []data.File{shakespeare, names} }

// Shakespeare returns 1.1 million characters, 65 different ones, of Shakespeare's plays. data.Open says where
// the file text/tinyshakespeare.txt is looked for, and which errors there are.
func Shakespeare() (string, error) { return load(shakespeare) }

// Names returns 32,033 first names in small letters, most frequent first. data.Open says where the file
// text/names.txt is looked for, and which errors there are.
func Names() ([]string, error) {
	all, err := load(names)
	if err != nil {
		return nil, err
	}
	return strings.Fields(all), nil
}

// maxText is the most bytes that are read: a hundred times what the public files have, and less than memory has.
const maxText = 128 << 20

func load(f data.File) (string, error) {
	file, err := data.Open(f)
	if err != nil {
		return "", fmt.Errorf("text: %w", err)
	}
	defer file.Close()
	all, err := readText(file, file.Name())
	if err != nil {
		return "", fmt.Errorf("text: %w", err)
	}
	return all, nil
}
