package workspace

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/backends/session"
)

// backendEnv chooses the engine of cells.
const backendEnv = "QUIRE_BACKEND"

// Engine returns the name by which cells open an engine: one that needs cgo stays out of cells, in a session. Linking it took two
// seconds a cell, and each cell loaded the plugin and compiled its programs anew.
func Engine(name string) string {
	if first, _, _ := strings.Cut(name, ":"); first == "xla" {
		return session.Name + ":" + name
	}
	return name
}

// workerFor returns the tool that holds an engine for cells, false for an engine that they run themselves.
func workerFor(engine string) (Tool, bool) {
	held, ok := strings.CutPrefix(Engine(engine), session.Name+":")
	if !ok {
		return "", false
	}
	if first, _, _ := strings.Cut(held, ":"); first == "xla" {
		return WorkerXLA, true
	}
	return Worker, true
}

// chosen returns the worker that the user has chosen, "" for none: then there is a tool.
func chosen() string { return os.Getenv(session.EnvWorker) }

// workers returns the tool that the engine of cells needs, if it needs one.
func workers() []Tool {
	if t, ok := workerFor(os.Getenv(backendEnv)); ok && chosen() == "" {
		return []Tool{t}
	}
	return nil
}

// EngineEnv returns the variables by which cells open an engine.
func (w *Workspace) EngineEnv(engine string) map[string]string {
	set := map[string]string{backendEnv: Engine(engine), session.EnvWorker: chosen()}
	if t, ok := workerFor(engine); ok && chosen() == "" {
		set[session.EnvWorker] = w.toolPath(t, w.versions(t)[t])
	}
	return set
}

// BuildEngine builds what cells need besides themselves to open an engine.
func (w *Workspace) BuildEngine(ctx context.Context, engine string) error {
	t, ok := workerFor(engine)
	if !ok || chosen() != "" {
		return nil
	}
	_, err := w.Build(ctx, nil, t)
	return err
}

// BuildWorker builds the program that holds an engine for others, such as "xla:cpu" or "session:xla:cpu", and returns its path.
func (w *Workspace) BuildWorker(ctx context.Context, engine string) (string, error) {
	held := strings.TrimPrefix(engine, session.Name+":")
	t, _ := workerFor(session.Name + ":" + held)
	tools, err := w.Build(ctx, nil, t)
	return tools[t], err
}

// buildWorker builds the worker of sessions, from the module that cells import: both must know the same programs. Only that for
// xla needs a C compiler.
func (w *Workspace) buildWorker(ctx context.Context, doing string, t Tool, dir string) error {
	set := map[string]string{"CGO_ENABLED": "0"}
	if t == WorkerXLA {
		set["CGO_ENABLED"] = "1"
	}
	return w.runGo(ctx, doing, w.Module, With(w.buildEnv("off"), set), "build", "-o", filepath.Join(dir, exeName(t)), packages[t])
}
