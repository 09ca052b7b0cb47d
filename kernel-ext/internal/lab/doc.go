// Package lab finds JupyterLab, or sets it up in a virtual environment of its own, and starts it with the
// quire kernel.
package lab
