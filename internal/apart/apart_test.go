package apart_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/apart"
)

func TestHowAFunctionEnds(t *testing.T) {
	called := false
	require.Nil(t, apart.Call(func() { called = true }))
	require.True(t, called)
	p := apart.Call(func() { panic("kaboom") })
	require.Equal(t, "kaboom", p.Value)
	require.Contains(t, p.Stack, "apart_test.go:")
	require.Equal(t, apart.ErrGoexit, apart.Call(runtime.Goexit).Value)
	require.Equal(t, apart.ErrGoexit, apart.Call(func() {
		defer func() { _ = recover() }()
		defer runtime.Goexit()
		panic("given up")
	}).Value)
}
