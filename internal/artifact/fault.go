package artifact

import (
	"errors"
	"fmt"
)

// Code says which part of unpacking failed, in the words that a host reports.
type Code string

// The codes.
const (
	// CodeHash: the bytes are not those that were asked for.
	CodeHash Code = "hash"
	// CodeUnpack: the bytes are right but hold something that is refused, or are no artifact at all.
	CodeUnpack Code = "unpack"
	// CodeDisk: this machine could not write (full, read-only, broken).
	CodeDisk Code = "disk"
)

// Error is a failure to unpack with its code.
type Error struct {
	Code  Code
	Text  string
	cause error
}

// Error gives the text and the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Text
	}
	return e.Text + ": " + e.cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf gives the code of the first Error in the chain, empty where there is none (the reader itself failed).
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// refuse is an entry that must not be unpacked.
func refuse(format string, args ...any) *Error {
	return &Error{Code: CodeUnpack, Text: "artifact refused: " + fmt.Sprintf(format, args...)}
}

// diskFault is a write that failed.
func diskFault(doing string, cause error) *Error {
	return &Error{Code: CodeDisk, Text: doing, cause: cause}
}
