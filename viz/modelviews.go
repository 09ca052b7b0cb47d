package viz

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// loopView shows a training loop: where it is, and the curves of what it measured.
func loopView(l *train.Loop) Bundle {
	switch {
	case l.Trainer() == nil:
		return Plain("a loop without a trainer: make one with train.NewLoop")
	case len(l.History().Series()) == 0:
		return Plain("a loop that has not run yet\n" + trainerGrid(l.Trainer()).text())
	}
	return RunOf("", l.History()).Bundle()
}

// trainerGrid is the table of what a trainer is made of.
func trainerGrid(t *train.Trainer) *grid {
	g := &grid{left: []bool{true, true}}
	add := func(name, value string) {
		if value != "" {
			g.rows = append(g.rows, []string{name, value})
		}
	}
	if s := t.Store(); s != nil {
		add("model", fmt.Sprintf("%s, %s trained parameters, %s", amount(s.NumVariables(), "variable"), count(int64(s.NumParameters())), bytesize.Text(s.ByteSize())))
		add("updates", count(t.GlobalStep()))
	}
	if b := t.Backend(); !isNil(b) {
		add("engine", b.Name())
	}
	if o := t.Optimizer(); !isNil(o) {
		add("optimizer", strings.TrimPrefix(fmt.Sprintf("%T", o), "*"))
	} else {
		add("optimizer", "none: it evaluates and predicts")
	}
	var names []string
	for _, m := range t.Metrics() {
		names = append(names, m.Name())
	}
	add("metrics", strings.Join(names, ", "))
	if m := t.Mesh(); m != nil {
		add("devices", m.String())
	}
	return g
}

// metricsGrid is the table of measured values.
func metricsGrid(list []train.Metric) *grid {
	g := &grid{header: []string{"metric", "value"}, left: []bool{true, false}}
	for _, m := range list {
		g.rows = append(g.rows, []string{m.Name, metricValue(m, m.Value)})
	}
	return g
}

// eventText says in a line what an event reports.
func eventText(e train.Event) string {
	parts := []string{kindName(e.Kind), fmt.Sprintf("step %s", count(e.GlobalStep))}
	if e.Epoch > 0 {
		parts = append(parts, fmt.Sprintf("epoch %d", e.Epoch))
	}
	if e.Dataset != "" {
		parts = append(parts, e.Dataset)
	}
	parts = append(parts, metricsText(e.Metrics)...)
	if e.Path != "" {
		parts = append(parts, e.Path)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, " · ")
}

// kindName names a kind of event, known or not.
func kindName(k train.EventKind) (name string) {
	defer func() {
		if recover() != nil { // there is no such kind
			name = fmt.Sprintf("event %d", int(k))
		}
	}()
	return k.String()
}

// seriesView shows the course of one metric.
func seriesView(s train.Series) Bundle {
	r := NewRun("")
	r.now = progress{started: true, ended: true}
	for i, step := range s.Steps[:min(len(s.Steps), len(s.Values))] {
		r.now.globalStep = max(r.now.globalStep, step)
		switch s.Source {
		case "step":
			find(&r.steps, s.Metric, "").track.add(float64(step), s.Values[i])
		case "epoch":
			r.addEpoch(s.Metric, step, step)
		default:
			find(&r.eval, s.Metric, s.Source).track.add(float64(step), s.Values[i])
		}
	}
	if len(r.curves()) == 0 {
		return Plain(fmt.Sprintf("%s, %s: no values yet", s.Name, s.Source))
	}
	r.now.step = int(r.now.globalStep)
	return r.Bundle()
}

// datasetView shows a data set: its sizes, and the examples of one in memory. It takes no batch of the data set itself: that
// would be one less for training.
func datasetView(ds data.Dataset) Bundle {
	g := &grid{left: []bool{true, true}}
	g.rows = append(g.rows, []string{"data set", fmt.Sprintf("%q", ds.Name())})
	if s, ok := ds.(data.Sized); ok {
		n := "not known"
		if s.NumBatches() >= 0 {
			n = count(int64(s.NumBatches()))
		}
		g.rows = append(g.rows, []string{"batches", n})
	}
	if p, ok := ds.(data.Positioned); ok {
		g.rows = append(g.rows, []string{"place", p.Position().String()})
	}
	m, ok := ds.(*data.InMemoryDataset)
	if !ok || m.NumExamples() == 0 {
		return g.bundle()
	}
	g.rows = slices.Insert(g.rows, 1, []string{"examples", fmt.Sprintf("%s, %s", count(int64(m.NumExamples())), bytesize.Text(m.ByteSize()))})
	batch, err := data.First(m.Copy().Take(min(m.NumExamples(), 24)).BatchSize(24, false).Infinite(false))
	if err != nil {
		return Stack(g.bundle(), Error(err))
	}
	defer batch.Close()
	return Stack(g.bundle(), Batch(batch))
}

// fieldsView shows a struct of this module that has no view of its own: its type, and its fields as far as they are numbers,
// text, or lists of these.
func fieldsView(r reflect.Value) Bundle {
	for r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	g := &grid{left: []bool{true, true}}
	for i := range r.NumField() {
		f := r.Type().Field(i)
		if s := fieldText(r.Field(i)); s != "" && len(g.rows) < 40 {
			g.rows = append(g.rows, []string{f.Name, s})
		}
	}
	title := r.Type().String()
	if len(g.rows) == 0 {
		return Plain(title + ": nothing to show; viz.Register gives a type a view")
	}
	return HTML(heading(title)+g.html(), title+"\n"+g.text())
}

// fieldText writes a field, "" if it is zero or nothing to read.
func fieldText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool, reflect.String, reflect.Array, reflect.Slice, reflect.Struct, reflect.Interface:
		if v.IsZero() {
			return ""
		}
	}
	switch k := v.Kind(); {
	case v.CanInterface() && v.Type().Implements(reflect.TypeFor[fmt.Stringer]()):
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return ""
		}
		return short(oneLine(v.Interface().(fmt.Stringer).String()), 80)
	case v.CanFloat():
		return number(v.Float())
	case v.CanInt(), v.CanUint(), k == reflect.Bool:
		return fmt.Sprint(v)
	case k == reflect.String:
		return short(v.String(), 80)
	case k == reflect.Interface:
		return fieldText(v.Elem())
	case k == reflect.Slice || k == reflect.Array:
		var parts []string
		for i := range min(v.Len(), 12) {
			s := fieldText(v.Index(i))
			if s == "" && v.Index(i).Kind() != reflect.String {
				return amount(v.Len(), "element")
			}
			parts = append(parts, s)
		}
		if v.Len() > 12 {
			parts = append(parts, fmt.Sprintf("… %d more", v.Len()-12))
		}
		return short("["+strings.Join(parts, " ")+"]", 100)
	}
	return ""
}

// isOurs reports whether a type is one of this module's.
func isOurs(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name() != "" && strings.HasPrefix(t.PkgPath(), frames.Module) && !strings.HasSuffix(t.PkgPath(), "_test")
}
