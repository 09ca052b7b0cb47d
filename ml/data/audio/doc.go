// Package audio reads sounds in WAV files.
//
//	sounds, err := audio.Folder("commands", audio.Options{Rate: 16000, Frames: 16000, Mono: true}) // commands/yes/01.wav, commands/no/…
//	if err != nil { … }
//	ds := data.Batched(data.ByIndex(sounds, data.Permuted(sounds.Len(), 1), 4), 32, true)
//
// Files are read as they are wanted, and of a long file only the part that is asked for ([Sound.Read]). Package graph/signal makes spectra of them.
package audio
