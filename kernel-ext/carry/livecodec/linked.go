package livecodec

// Linked is what a program names that imports this package for its codec alone: gonb keeps one blank import of several.
const Linked = true
