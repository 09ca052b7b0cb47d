package gopls

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets this test binary stand in for gopls, which then misbehaves as $QUIRE_TEST_GOPLS says.
func TestMain(m *testing.M) {
	if how := os.Getenv("QUIRE_TEST_GOPLS"); how != "" {
		fake(how)
	}
	os.Exit(m.Run())
}

// fake is a language server that answers a hover with the document's text.
func fake(how string) {
	r := bufio.NewReader(os.Stdin)
	text, marker := "", os.Getenv("QUIRE_TEST_MARKER")
	first := false
	if f, err := os.OpenFile(marker, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
		first = true
		f.Close()
	}
	send := func(m message) {
		m.Version = "2.0"
		body, _ := json.Marshal(m)
		os.Stdout.Write(frame(body))
	}
	asked := false
	for {
		body, err := readFrame(r)
		if err != nil {
			os.Exit(0)
		}
		var m message
		_ = json.Unmarshal(body, &m)
		var params struct {
			TextDocument   struct{ Text string }
			ContentChanges []struct{ Text string }
			ID             int64
		}
		_ = json.Unmarshal(m.Params, &params)
		switch m.Method {
		case "initialize":
			if how == "no start" {
				send(message{ID: m.ID, Error: &RPCError{Code: -1, Message: "not today"}})
				continue
			}
			id := json.RawMessage(`"theirs"`)
			send(message{ID: &id, Method: "workspace/configuration", Params: json.RawMessage(`{"items":[{},{}]}`)})
			send(message{ID: m.ID, Result: json.RawMessage(`{}`)})
		case "textDocument/didOpen":
			text = params.TextDocument.Text
		case "textDocument/didChange":
			text = params.ContentChanges[0].Text
		case "$/cancelRequest":
			fmt.Fprintln(os.Stderr, "cancelled", params.ID)
		case "textDocument/hover":
			if !asked { // that of the start
				asked = true
				send(message{ID: m.ID, Result: json.RawMessage("null")})
				continue
			}
			misbehave(how, first)
			if strings.Contains(text, "hang") {
				continue
			}
			result, _ := json.Marshal(map[string]any{"contents": map[string]string{"value": text}})
			send(message{ID: m.ID, Result: result})
		}
	}
}

// misbehave does to an answer what a test is about, where "once" is in how only in the first process.
func misbehave(how string, first bool) {
	if what, once := strings.CutSuffix(how, " once"); once {
		if !first {
			return
		}
		how = what
	}
	switch how {
	case "die":
		fmt.Fprintln(os.Stderr, "panic: on purpose\n\ngoroutine 1 [running]:")
		os.Exit(2)
	case "garbage":
		os.Stdout.Write(bytes.Repeat([]byte("garbage "), 1000))
	case "no json":
		os.Stdout.Write(frame([]byte("{")))
	case "absurd length":
		os.Stdout.WriteString("Content-Length: 9223372036854775807\r\n\r\n")
	case "close":
		os.Stdout.Close()
		time.Sleep(time.Hour)
	case "hang":
		time.Sleep(time.Hour)
	case "answers of others":
		os.Stdout.Write(frame([]byte(`{"jsonrpc":"2.0","id":99999,"result":null}`)))
		os.Stdout.Write(frame([]byte(`{"jsonrpc":"2.0","id":"x","result":null}`)))
		os.Stdout.Write(frame([]byte(`{"jsonrpc":"2.0","method":"window/logMessage","params":7}`)))
		os.Stdout.Write(frame([]byte(`[]`)[:0]))
	}
}
