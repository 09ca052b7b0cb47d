package jupyter

import "encoding/json"

// The message types that this environment names.
const (
	ExecuteRequest    = "execute_request"
	ExecuteReply      = "execute_reply"
	ExecuteInput      = "execute_input"
	ExecuteResult     = "execute_result"
	StreamOutput      = "stream"
	DisplayData       = "display_data"
	UpdateDisplayData = "update_display_data"
	ClearOutput       = "clear_output"
	ErrorOutput       = "error"
	StatusUpdate      = "status"
	KernelInfoRequest = "kernel_info_request"
	KernelInfoReply   = "kernel_info_reply"
	InterruptRequest  = "interrupt_request"
	InterruptReply    = "interrupt_reply"
	ShutdownRequest   = "shutdown_request"
	ShutdownReply     = "shutdown_reply"
	InputRequest      = "input_request"
	InputReply        = "input_reply"
	InspectRequest    = "inspect_request"
	CompleteRequest   = "complete_request"
	IsCompleteRequest = "is_complete_request"
	HistoryRequest    = "history_request"
	CommInfoRequest   = "comm_info_request"
	CommOpen          = "comm_open"
	CommMsg           = "comm_msg"
	CommClose         = "comm_close"
)

// Execute is the content of an execute_request.
type Execute struct {
	Code            string         `json:"code"`
	Silent          bool           `json:"silent"`
	StoreHistory    bool           `json:"store_history"`
	UserExpressions map[string]any `json:"user_expressions"`
	AllowStdin      bool           `json:"allow_stdin"`
	StopOnError     bool           `json:"stop_on_error"`
}

// Reply is the content of an execute_reply, and the common part of all replies.
type Reply struct {
	Status         string   `json:"status"` // "ok", "error" or "aborted"
	ExecutionCount int      `json:"execution_count"`
	EName          string   `json:"ename"`
	EValue         string   `json:"evalue"`
	Traceback      []string `json:"traceback"`
}

// Stream is text on stdout or stderr.
type Stream struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Display is the content of display_data, update_display_data and execute_result: one thing to see in
// several MIME types.
type Display struct {
	Data     map[string]any `json:"data"`
	Metadata map[string]any `json:"metadata"`
	// ExecutionCount is that of an execute_result; nbclient would take that of another display for the cell's own.
	ExecutionCount int `json:"execution_count,omitempty"`
	Transient      struct {
		DisplayID string `json:"display_id"`
	} `json:"transient,omitzero"`
}

// Failure is the content of an error output. It is an error too, of a cell.
type Failure struct {
	EName     string   `json:"ename"`
	EValue    string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// Error returns the error's value.
func (f *Failure) Error() string { return f.EValue }

// Completion is the content of a complete_reply, without its status: what may stand in place of the code from
// CursorStart to CursorEnd.
type Completion struct {
	Matches     []string       `json:"matches"`
	CursorStart int            `json:"cursor_start"`
	CursorEnd   int            `json:"cursor_end"`
	Metadata    map[string]any `json:"metadata"`
}

// Status is the kernel's state: "starting", "busy" or "idle".
type Status struct {
	State string `json:"execution_state"`
}

// Clear asks to remove a cell's outputs, at once or before the next one.
type Clear struct {
	Wait bool `json:"wait"`
}

// KernelInfo is the content of a kernel_info_reply, as far as it is used here.
type KernelInfo struct {
	Implementation        string          `json:"implementation"`
	ImplementationVersion string          `json:"implementation_version"`
	LanguageInfo          json.RawMessage `json:"language_info"`
	Banner                string          `json:"banner"`
}

// Shutdown is the content of a shutdown_request.
type Shutdown struct {
	Restart bool `json:"restart"`
}

// Input is the content of an input_request.
type Input struct {
	Prompt   string `json:"prompt"`
	Password bool   `json:"password"`
}
