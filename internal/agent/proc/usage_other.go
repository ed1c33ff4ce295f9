//go:build unix && !linux

package proc

// Use is not to be had here.
func Use([]Ident) []Usage { return nil }

// Sockets are not to be had here.
func Sockets(int) []uint64 { return nil }
