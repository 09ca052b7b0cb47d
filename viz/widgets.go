package viz

import (
	"encoding/json"
	"math"
)

// The protocol of Jupyter's widgets, version 2.1: a control is a comm of the target jupyter.widget whose messages carry the state
// of a model; ipywidgets' front end has the models and draws them. Source:
// github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema, messages.md and jupyterwidgetmodels.latest.md.
const (
	widgetTarget   = "jupyter.widget"
	widgetProtocol = `{"version":"2.1.0"}`
	mimeWidget     = "application/vnd.jupyter.widget-view+json"
)

const (
	baseModule     = "@jupyter-widgets/base"
	controlsModule = "@jupyter-widgets/controls"
	widgetVersion  = "2.0.0"
)

// widget is the state of a model.
type widget map[string]any

// newModel returns a model of a module with its view.
func newModel(module, name, view string, state widget) widget {
	all := widget{
		"_model_module": module, "_model_module_version": widgetVersion, "_model_name": name,
		"_view_module": module, "_view_module_version": widgetVersion, "_view_name": view, "_view_count": nil,
	}
	for key, v := range state {
		all[key] = v
	}
	return all
}

// controlModel returns a model of package controls.
func controlModel(kind string, state widget) widget {
	w := newModel(controlsModule, kind+"Model", kind+"View", widget{"_dom_classes": []string{}, "tabbable": nil, "tooltip": nil})
	for key, v := range state {
		w[key] = v
	}
	return w
}

// layoutModel says where and how large others are.
func layoutModel(state widget) widget {
	return newModel(baseModule, "LayoutModel", "LayoutView", state)
}

// styleModel says how a control of the kind looks.
func styleModel(kind string, state widget) widget {
	return newModel(controlsModule, kind+"StyleModel", "StyleView", with(state, widget{"_view_module": baseModule}))
}

// with returns the union of two states.
func with(a, b widget) widget {
	all := widget{}
	for _, w := range []widget{a, b} {
		for key, v := range w {
			all[key] = v
		}
	}
	return all
}

// refer returns how the state of one model names another.
func refer(id string) string { return "IPY_MODEL_" + id }

// described is what controls with a name have in common.
func described(name string) widget {
	return widget{"description": name, "description_allow_html": false, "disabled": false}
}

func (s *SliderInput[T]) model() widget {
	w := with(described(s.name), widget{
		"value": s.Value(), "min": s.low, "max": s.high, "step": s.step, "behavior": "drag-tap",
		"continuous_update": true, "orientation": "horizontal", "readout": true, "readout_format": ".4~g",
	})
	switch {
	case s.log:
		w["base"], w["min"], w["max"] = 10.0, math.Log10(float64(s.low)), math.Log10(float64(s.high))
		w["step"] = (math.Log10(float64(s.high)) - math.Log10(float64(s.low))) / 100
		return controlModel("FloatLogSlider", w)
	case s.whole():
		w["readout_format"] = "d"
		return controlModel("IntSlider", w)
	}
	return controlModel("FloatSlider", w)
}

func (c *ChoiceInput[T]) model() widget {
	c.mu.Lock()
	defer c.mu.Unlock()
	return controlModel("Dropdown", with(described(c.name), widget{"_options_labels": c.labels(), "index": c.index}))
}

func (c *CheckboxInput) model() widget {
	return controlModel("Checkbox", with(described(c.name), widget{"value": c.Value(), "indent": true}))
}

func (b *ButtonInput) model() widget {
	return controlModel("Button", widget{"description": b.name, "disabled": false, "button_style": "", "icon": ""})
}

// styleOf is the kind of style that a model's kind has.
func styleOf(w widget) string {
	switch w["_model_name"] {
	case "FloatSliderModel", "FloatLogSliderModel", "IntSliderModel":
		return "Slider"
	case "CheckboxModel":
		return "Checkbox"
	case "ButtonModel":
		return "Button"
	}
	return "Description"
}

// marshal returns v as JSON; what is written here are numbers and texts.
func marshal(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("viz: a message of a widget cannot be written: " + err.Error())
	}
	return text
}
