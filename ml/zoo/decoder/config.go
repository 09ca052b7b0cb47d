package decoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// Config is the sizes and the kind of a decoder.
type Config struct {
	Vocabulary int // tokens
	Width      int // of the residual stream
	Hidden     int // width of the feed-forward blocks
	Layers     int
	Heads      int // of queries
	KVHeads    int // of keys and values; divides Heads
	HeadDim    int // channels of a head
	Positions  int // the longest text that it was made for

	DType       dtypes.DType // of variables and results
	Epsilon     float64      // of norms
	RotaryBase  float64      // θ of rotary positions
	Rotary      *Llama3Scaling
	Activation  string  // of the gate: silu or gelu_approximate
	Bias        bool    // of queries, keys and values
	QKNorm      bool    // norms of each head's queries and keys
	Tied        bool    // the table of embeddings makes the logits too
	NormOffset  float64 // what is added to the gains of norms
	EmbedScale  float64 // what embeddings are multiplied with; 0 for 1
	Window      int     // of attention, in positions; 0 sees all
	Begin       []int   // tokens that begin a text
	End         []int   // tokens that end one
	initializer float64 // standard deviation
}

// Llama3Scaling stretches the slow ones of the rotary positions, so that longer texts than those of training are seen.
//
// Source: the model cards of Llama 3.1; transformers, modeling_rope_utils.
type Llama3Scaling struct {
	Factor    float64 `json:"factor"`
	Low       float64 `json:"low_freq_factor"`
	High      float64 `json:"high_freq_factor"`
	Positions float64 `json:"original_max_position_embeddings"`
}

// ids are one number or several.
type ids []int

func (l *ids) UnmarshalJSON(raw []byte) error {
	var one *int
	if json.Unmarshal(raw, &one) == nil {
		if *l = nil; one != nil {
			*l = ids{*one}
		}
		return nil
	}
	return json.Unmarshal(raw, (*[]int)(l))
}

// ReadConfig reads the file config.json of a checkpoint, or of a folder, whose generation_config.json, if it is there, tells the tokens that end a
// text, as it does for transformers: those of models that answer are often more than config.json has.
func ReadConfig(path string) (c Config, err error) {
	if filepath.Ext(path) == ".json" {
		c, err = parseFile(lm.Dir(filepath.Dir(path)), filepath.Base(path))
	} else {
		c, err = readConfig(lm.Dir(path))
	}
	if err != nil {
		return Config{}, fmt.Errorf("decoder.ReadConfig: %w", err)
	}
	return c, nil
}

func parseFile(dir lm.Folder, name string) (Config, error) {
	raw, err := dir.Read(name)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", dir.Path(name), err)
	}
	return c, nil
}

// readConfig reads both files of a folder.
func readConfig(dir lm.Folder) (Config, error) {
	c, err := parseFile(dir, "config.json")
	if err != nil {
		return Config{}, err
	}
	const more = "generation_config.json"
	raw, err := dir.Read(more)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	var generation struct {
		End ids `json:"eos_token_id"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &generation)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", dir.Path(more), err)
	}
	if generation.End != nil {
		c.End = generation.End
	}
	return c, nil
}

// leftOut is what files that leave something out mean, by the kind of model.
//
// Source: transformers 5.24, the configuration of each kind.
var leftOut = map[string]string{
	"llama":   `{"rms_norm_eps":1e-6,"hidden_act":"silu","bos_token_id":1,"eos_token_id":2}`,
	"mistral": `{"rms_norm_eps":1e-6,"hidden_act":"silu","bos_token_id":1,"eos_token_id":2,"num_key_value_heads":8,"sliding_window":4096}`,
	"qwen2":   `{"rms_norm_eps":1e-6,"hidden_act":"silu","num_key_value_heads":32,"sliding_window":4096,"max_window_layers":28}`,
	"qwen3":   `{"rms_norm_eps":1e-6,"hidden_act":"silu","num_key_value_heads":32,"sliding_window":4096,"max_window_layers":28,"head_dim":128}`,
	"gemma":   `{"rms_norm_eps":1e-6,"hidden_act":"gelu_pytorch_tanh","bos_token_id":2,"eos_token_id":1,"num_key_value_heads":16,"head_dim":256,"tie_word_embeddings":true}`,
}

// ParseConfig reads the contents of such a file, of the kinds llama, mistral, qwen2, qwen3 and gemma.
func ParseConfig(raw []byte) (Config, error) {
	type rope struct {
		Llama3Scaling
		Type  string  `json:"rope_type"`
		Older string  `json:"type"`
		Theta float64 `json:"rope_theta"`
	}
	var v struct {
		Type             string   `json:"model_type"`
		Vocabulary       int      `json:"vocab_size"`
		Width            int      `json:"hidden_size"`
		Hidden           int      `json:"intermediate_size"`
		Layers           int      `json:"num_hidden_layers"`
		Heads            int      `json:"num_attention_heads"`
		KVHeads          *int     `json:"num_key_value_heads"`
		HeadDim          *int     `json:"head_dim"`
		Positions        int      `json:"max_position_embeddings"`
		Epsilon          float64  `json:"rms_norm_eps"`
		Theta            float64  `json:"rope_theta"`
		Scaling          *rope    `json:"rope_scaling"`
		Parameters       *rope    `json:"rope_parameters"`
		Activation       string   `json:"hidden_act"`
		HiddenActivation string   `json:"hidden_activation"`
		AttentionBias    bool     `json:"attention_bias"`
		MLPBias          bool     `json:"mlp_bias"`
		Tied             *bool    `json:"tie_word_embeddings"`
		Window           *int     `json:"sliding_window"`
		UseWindow        bool     `json:"use_sliding_window"`
		FullLayers       int      `json:"max_window_layers"`
		LayerTypes       []string `json:"layer_types"`
		Begin            ids      `json:"bos_token_id"`
		End              ids      `json:"eos_token_id"`
		InitializerRange float64  `json:"initializer_range"`
		BothDirections   bool     `json:"use_bidirectional_attention"`
	}
	var head struct {
		Type string `json:"model_type"`
	}
	err := json.Unmarshal(raw, &head)
	if usual, known := leftOut[head.Type]; err == nil && known {
		err = json.Unmarshal([]byte(usual), &v)
	}
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		return Config{}, fmt.Errorf("this is no config.json: %w", err)
	}
	c := Config{Vocabulary: v.Vocabulary, Width: v.Width, Hidden: v.Hidden, Layers: v.Layers, Heads: v.Heads, Positions: v.Positions,
		DType: dtypes.Float32, Epsilon: v.Epsilon, RotaryBase: v.Theta, Tied: v.Tied != nil && *v.Tied, Begin: v.Begin, End: v.End, initializer: v.InitializerRange}
	switch v.Type {
	case "llama", "mistral":
		c.Bias = v.AttentionBias
	case "qwen2":
		c.Bias = true
	case "qwen3":
		c.Bias, c.QKNorm = v.AttentionBias, true
	case "gemma":
		c.Bias, c.NormOffset, c.EmbedScale, c.Tied = v.AttentionBias, 1, math.Sqrt(float64(v.Width)), v.Tied == nil || *v.Tied
		if v.BothDirections {
			return Config{}, errors.New("use_bidirectional_attention, by which places see what comes after them, is not known here")
		}
	default:
		return Config{}, fmt.Errorf("the model_type %q is not known: known are gemma, llama, mistral, qwen2, qwen3", v.Type)
	}
	if v.MLPBias || v.AttentionBias && v.Type != "qwen2" {
		return Config{}, errors.New("attention_bias and mlp_bias, which add biases to the outputs of blocks, are not known here")
	}
	scaling := v.Scaling
	if v.Parameters != nil {
		scaling = v.Parameters
		if scaling.Theta > 0 {
			c.RotaryBase = scaling.Theta
		}
	}
	if c.RotaryBase == 0 {
		c.RotaryBase = 10_000
	}
	if scaling != nil {
		kind := scaling.Type
		if kind == "" {
			kind = scaling.Older
		}
		switch kind {
		case "", "default":
		case "llama3":
			c.Rotary = &scaling.Llama3Scaling
		default:
			return Config{}, fmt.Errorf("rotary positions of the kind %q are not known: known are default and llama3", kind)
		}
	}
	if err := c.readWindow(v.Type, v.Window, v.UseWindow, v.FullLayers, v.LayerTypes); err != nil {
		return Config{}, err
	}
	act := v.HiddenActivation
	if act == "" {
		act = v.Activation
	}
	switch act {
	case "silu", "swish":
		c.Activation = "silu"
	case "gelu_pytorch_tanh", "gelu_new":
		c.Activation = "gelu_approximate"
	case "gelu":
		c.Activation = "gelu"
		if v.Type == "gemma" { // what its first files say, and do not mean
			c.Activation = "gelu_approximate"
		}
	default:
		return Config{}, fmt.Errorf("the activation %q is not known: known are gelu, gelu_pytorch_tanh and silu", act)
	}
	if c.KVHeads = c.Heads; v.KVHeads != nil {
		c.KVHeads = *v.KVHeads
	}
	if v.HeadDim != nil {
		c.HeadDim = *v.HeadDim
	} else if c.Heads > 0 {
		c.HeadDim = c.Width / c.Heads
	}
	return c, c.Check()
}

// readWindow sets the window of attention, which all layers are to have or none: those of Mistral, and those of Qwen from a number of layers on, or which
// a list names, if it says so. Of the other kinds nothing is meant by it.
func (c *Config) readWindow(kind string, size *int, use bool, full int, layers []string) error {
	qwen := kind == "qwen2" || kind == "qwen3"
	if size == nil || kind != "mistral" && !(qwen && use) {
		return nil
	}
	windowed := c.Layers
	switch {
	case layers != nil:
		windowed = 0
		for _, layer := range layers {
			if layer == "sliding_attention" {
				windowed++
			}
		}
		if windowed == len(layers) {
			windowed = c.Layers
		}
	case qwen:
		windowed = max(0, c.Layers-max(0, full))
	}
	switch windowed {
	case 0:
		return nil
	case c.Layers:
		c.Window = *size
		return nil
	}
	return fmt.Errorf("layers of several kinds, here %d of %d with a window of %d, are not known", windowed, c.Layers, *size)
}

// Check tells what is wrong with sizes.
func (c Config) Check() error {
	for _, s := range []struct {
		name string
		n    int
	}{{"Vocabulary", c.Vocabulary}, {"Width", c.Width}, {"Hidden", c.Hidden}, {"Layers", c.Layers}, {"Heads", c.Heads}, {"KVHeads", c.KVHeads}, {"HeadDim", c.HeadDim}} {
		if s.n < 1 || s.n > 1<<24 {
			return fmt.Errorf("the decoder's %s is %d, want 1 to %d", s.name, s.n, 1<<24)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d heads of keys and values do not divide %d heads of queries", c.KVHeads, c.Heads)
	case c.HeadDim%2 != 0:
		return fmt.Errorf("heads of %d channels cannot be turned in pairs by rotary positions: want an even number", c.HeadDim)
	case !c.DType.IsFloat():
		return fmt.Errorf("the decoder's DType is %s, want a float", c.DType)
	case c.Rotary != nil && !(c.Rotary.Factor > 0 && c.Rotary.Low > 0 && c.Rotary.High > c.Rotary.Low && c.Rotary.Positions > 0):
		return fmt.Errorf("the decoder's Rotary is %+v, want numbers above 0, High above Low", *c.Rotary)
	case !(c.Epsilon >= 0) || !(c.RotaryBase > 0) || c.Window < 0:
		return fmt.Errorf("the decoder's Epsilon is %v, RotaryBase %v, Window %d: want 0 and more, more than 0, 0 and more", c.Epsilon, c.RotaryBase, c.Window)
	}
	return nil
}
