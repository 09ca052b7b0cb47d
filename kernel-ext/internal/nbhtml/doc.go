// Package nbhtml writes an executed notebook as one HTML page that needs nothing else: no script, no
// network, no font. It follows the reader's choice of light or dark.
//
// Markdown is rendered with goldmark (CommonMark with tables, task lists and strikethrough), Go is
// coloured by go/scanner, ANSI colours of streams and errors become spans, pictures are data: URIs. A
// display is shown in the richest MIME type that a page can show without a script. HTML of outputs is
// passed on without its scripts and event handlers, and the page's Content-Security-Policy forbids
// whatever else one might think of.
package nbhtml
