package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJupyterLabRunsACell starts a real JupyterLab, lets it start the kernel, and runs a cell over the
// Unix sockets that it made for it.
func TestJupyterLabRunsACell(t *testing.T) {
	if testing.Short() {
		t.Skip("starts JupyterLab: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	lab, err := Find(ctx, Options{Cache: ws.Cache})
	if err != nil {
		testenv.Missing(t, "jupyter", err.Error()+": quire lab sets it up")
	}
	exe, err := ws.Self(ctx)
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	t.Setenv("QUIRE_GOPLS", "off")
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	require.NoError(t, err)
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	child, err := Start(Server{
		Jupyter: lab, Root: t.TempDir(), Port: port, NoBrowser: true,
		Args: []string{"--IdentityProvider.token=secret", "--ServerApp.log_level=ERROR"}, Spec: kernelspec.New(exe, ws.Module),
	})
	require.NoError(t, err)
	defer child.Close(10 * time.Second)
	api := func(method, path, body string, into any) error {
		req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d/api/%s", port, path), strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "token secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s", method, path, resp.Status)
		}
		return json.NewDecoder(resp.Body).Decode(into)
	}
	var specs struct {
		Default     string
		Kernelspecs map[string]struct {
			Spec      kernelspec.Spec
			Resources map[string]string
		}
	}
	for err = api("GET", "kernelspecs", "", &specs); err != nil && ctx.Err() == nil; err = api("GET", "kernelspecs", "", &specs) {
		time.Sleep(50 * time.Millisecond)
	}
	spec := specs.Kernelspecs[kernelspec.Name]
	if specs.Default != kernelspec.Name || spec.Spec.DisplayName != kernelspec.DisplayName || spec.Resources["logo-svg"] == "" {
		t.Errorf("Jupyter knows %+v", specs)
	}
	var k struct{ ID string }
	require.NoError(t, api("POST", "kernels", `{"name":"quire"}`, &k))
	conn, err := jupyter.ReadConnection(filepath.Join(child.Dir, "r", "kernel-"+k.ID+".json"))
	require.NoError(t, err, "%+v", conn)
	require.Equal(t, "ipc", conn.Transport, "%+v", conn)
	var printed strings.Builder
	c, err := kernel.Connect(ctx, conn, child.Done(), kernel.Handlers{IOPub: func(m jupyter.Message) {
		var s jupyter.Stream
		if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
			printed.WriteString(s.Text)
		}
	}})
	require.NoError(t, err)
	defer c.Close()
	reply, err := c.Run(ctx, jupyter.Execute{Code: "%%\nfmt.Println(6*7)", StoreHistory: true})
	require.NoError(t, err, "%+v", reply)
	assert.Equal(t, "ok", reply.Status, "%+v", reply)
	assert.Equal(t, "42\n", printed.String(), "%+v", reply)
	child.Close(10 * time.Second)
	_, err = os.Stat(child.Dir)
	assert.True(t, os.IsNotExist(err), "left: %v", err)
}
