// Package jsonl reads JSON lines: text files of which each line is a JSON value.
//
//	type review struct {
//		Text  string `json:"text"`
//		Stars int32  `json:"stars"`
//	}
//	lines, err := jsonl.Open[review]("reviews.jsonl")
//	if err != nil { … }
//	defer lines.Close()
//	examples := data.Examples("reviews", lines, func(_ int, r review) (data.Batch, error) { … })
//	ds := data.Padded(data.ByIndex(examples, data.Permuted(lines.Len(), 1), 4), 32, true, data.Padding{})
//
// Lines are read as they are wanted; in memory are their places.
package jsonl
