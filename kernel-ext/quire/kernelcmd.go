package main

type kernelFlags struct{}
type labFlags struct{}

var labCommand = &command{name: "lab"}
var kernelInstall = &command{name: "kernel install"}
var kernelUninstall = &command{name: "kernel uninstall"}
var kernelDoctor = &command{name: "kernel doctor"}
var kernelStart = &command{name: "kernel start"}
