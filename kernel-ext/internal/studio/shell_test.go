package studio

import (
	"context"
	"maps"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command of the shell that the relay runs says and does what it does when gonb runs it: the first one after a command that may
// have changed gonb's environment is run by gonb, the others are not.
func TestCommandsOfTheShellAreAsInGonb(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	run := func(code string) (printed map[string]string, reply jupyter.Reply) {
		d.mu.Lock()
		clear(d.streams)
		d.mu.Unlock()
		reply, err := d.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true})
		require.NoError(t, err)
		reply.ExecutionCount = 0
		d.mu.Lock()
		defer d.mu.Unlock()
		return maps.Clone(d.streams), reply
	}
	require.NoError(t, os.Mkdir(d.tmp+"/under", 0o700))
	_, reply := run("%env QUIRE_SHELL_TEST=ab\n%cd " + d.tmp + "/under")
	require.Equal(t, "ok", reply.Status)

	_, _ = run("!true")
	printed, _ := run("!echo $PPID")
	require.Equal(t, strconv.Itoa(os.Getpid())+"\n", printed["stdout"], "the relay is to run it")
	for _, code := range []string{
		"!pwd; echo \"$QUIRE_SHELL_TEST\"; umask; ulimit -n",
		"!env | grep -v '^_=\\|^SHLVL=' | sort",
		"!echo words; echo more >&2",
		"!printf 'without an end'",
		"!printf 'ü€𝄞\\n'; printf '\\xe2'; sleep 0.05; printf '\\x82\\xac \\xff\\n'",
		"!false",
		"!exit 3\n\n!echo goes on",
		"!kill -TERM $$",
		"!no_such_command_here",
		"!echo (",
		"!cat; echo read",
		"!for i in $(seq 3000); do echo $i; done | tail -c 9000",
		"!sleep 300 & echo left",
		"!echo panic: it was not >&2; echo main.go:7: words >&2",
		"!echo a \\\n b",
		"!cd /; pwd",
	} {
		t.Run(code, func(t *testing.T) {
			_, _ = run("%env QUIRE_SHELL_TEST=ab")
			byGonb, first := run(code)
			byRelay, second := run(code)
			if code == "!echo panic: it was not >&2; echo main.go:7: words >&2" { // which gonb does not bear
				assert.Contains(t, byRelay["stderr"], "main.go:7: words")
				return
			}
			assert.Equal(t, byGonb, byRelay)
			assert.Equal(t, first, second)
		})
	}

	_, _ = run("%env QUIRE_SHELL_TEST=ab")
	_, _ = run("!*true") // in gonb's own directory
	printed, _ = run("!pwd")
	assert.Equal(t, d.tmp+"/under\n", printed["stdout"])
	_, _ = run("%env QUIRE_SHELL_TEST=changed")
	for range 2 {
		printed, _ = run("!echo $QUIRE_SHELL_TEST")
		assert.Equal(t, "changed\n", printed["stdout"])
	}
	require.NoError(t, os.Remove(d.tmp+"/under"))
	printed, reply = run("!echo where")
	_, _ = run("%env QUIRE_SHELL_TEST=again")
	byGonb, inGonb := run("!echo where")
	assert.Equal(t, inGonb.Status, reply.Status)
	assert.Equal(t, byGonb["stdout"], printed["stdout"])
}
