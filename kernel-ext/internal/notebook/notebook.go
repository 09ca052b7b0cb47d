package notebook

// Notebook is a notebook in memory.
type Notebook struct {
	Metadata map[string]any // kernelspec, language_info, and what else programs left there
	Cells    []*Cell
	Major    int            // nbformat, always 4
	Minor    int            // nbformat_minor of the file that was read; 5 or more is written
	Extra    map[string]any // fields that this package does not know
}

// The kinds of cells.
const (
	Code     = "code"
	Markdown = "markdown"
	Raw      = "raw"
)

// Cell is one cell.
type Cell struct {
	ID             string // unique in its notebook; given by Encode if empty
	Kind           string // Code, Markdown or Raw
	Source         string
	Metadata       map[string]any
	Outputs        []*Output      // of a code cell
	ExecutionCount int            // of a code cell; 0 if it has not run
	Attachments    map[string]any // pictures inside a markdown cell: name → MIME type → base64
	Extra          map[string]any
}

// Tags returns the tags in the cell's metadata.
func (c *Cell) Tags() []string {
	list, _ := c.Metadata["tags"].([]any)
	var tags []string
	for _, t := range list {
		if s, ok := t.(string); ok {
			tags = append(tags, s)
		}
	}
	return tags
}

// The kinds of outputs.
const (
	Stream  = "stream"         // Name and Text
	Display = "display_data"   // Data and Metadata
	Result  = "execute_result" // Data, Metadata and ExecutionCount
	Error   = "error"          // EName, EValue and Traceback
)

// Output is one output of a code cell; Kind says which fields are used.
type Output struct {
	Kind           string
	Name           string // stdout or stderr
	Text           string
	Data           map[string]any // MIME type → text, or JSON for the types that are JSON
	Metadata       map[string]any
	ExecutionCount int
	EName, EValue  string
	Traceback      []string
	Extra          map[string]any
}

// MIME returns the data of a MIME type as text, and whether there is any.
func (o *Output) MIME(kind string) (string, bool) {
	s, ok := o.Data[kind].(string)
	return s, ok
}

// New returns an empty notebook of format 4.5.
func New() *Notebook {
	return &Notebook{Metadata: map[string]any{}, Major: 4, Minor: 5}
}

// Language returns the language that the metadata names, in lower case as Jupyter writes it, or "".
func (nb *Notebook) Language() string {
	for _, at := range [][2]string{{"kernelspec", "language"}, {"language_info", "name"}} {
		if m, ok := nb.Metadata[at[0]].(map[string]any); ok {
			if s, ok := m[at[1]].(string); ok && s != "" {
				return s
			}
		}
	}
	return ""
}

// Title returns the first heading of the markdown cells, or "".
func (nb *Notebook) Title() string {
	for _, c := range nb.Cells {
		if c.Kind == Markdown {
			if t := heading(c.Source); t != "" {
				return t
			}
		}
	}
	return ""
}
