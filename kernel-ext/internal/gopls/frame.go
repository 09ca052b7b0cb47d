package gopls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
)

// maxFrame bounds a message. A completion with a thousand items and their documentation has one megabyte.
const maxFrame = 32 << 20

// maxHeader bounds what stands before a message.
const maxHeader = 4 << 10

// readFrame reads one message: headers as in HTTP, of which only the length counts, and a body.
func readFrame(r *bufio.Reader) ([]byte, error) {
	length := -1
	for read := 0; ; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errors.New("a header without an end")
			}
			return nil, err
		}
		if read += len(line); read > maxHeader {
			return nil, fmt.Errorf("more than %d bytes of headers", maxHeader)
		}
		line = trimEOL(line)
		if len(line) == 0 {
			break
		}
		if value, ok := header(line, "Content-Length"); ok {
			if length, err = strconv.Atoi(value); err != nil || length < 0 || length > maxFrame {
				return nil, fmt.Errorf("a message of %.20q bytes: want 0 to %d", value, maxFrame)
			}
		}
	}
	if length < 0 {
		return nil, errors.New("a message without a Content-Length")
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return body, err
}

// header returns the value of a header if the line is of that name.
func header(line []byte, name string) (value string, ok bool) {
	for i, c := range line {
		if c == ':' {
			return textproto.TrimString(string(line[i+1:])), textproto.CanonicalMIMEHeaderKey(string(line[:i])) == name
		}
	}
	return "", false
}

func trimEOL(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

// frame returns a body with its header.
func frame(body []byte) []byte {
	return append([]byte(fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))), body...)
}
