// Package kernelspec installs and removes the folder by which Jupyter finds the kernel: kernel.json and
// its logos.
package kernelspec
