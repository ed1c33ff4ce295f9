// Package fault holds the one error type that crosses layers: a code that doors map to an answer, and a message that is safe to show.
//
// Everything else wraps with %w. Doors alone turn a code into HTTP, a terminal line or an exit status, and log it once.
package fault

import (
	"errors"
	"fmt"
)

// Code says what kind of mistake happened, in the few kinds that callers treat differently.
type Code string

// The codes. An error without one is Internal.
const (
	CodeInvalid      Code = "invalid"
	CodeUnauthorized Code = "unauthorized"
	CodeForbidden    Code = "forbidden"
	CodeNotFound     Code = "not_found"
	CodeConflict     Code = "conflict"
	CodeLimited      Code = "limited"
	CodeInternal     Code = "internal"
)

// Error carries a code and a message that may be shown to whoever asked.
// The wrapped cause is for the operator's log only.
type Error struct {
	Code    Code
	Message string
	// Field is the path of the input at fault ("steps[0].share"), empty when it concerns the whole.
	Field string
	cause error
}

// Error gives the message and, for the operator, the chain behind it.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Because attaches the cause, which is logged and never shown.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// At names the input at fault.
func (e *Error) At(field string) *Error {
	e.Field = field
	return e
}

// New makes an error of the given code; the message is shown to people.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid is input that can never work as it is.
func Invalid(format string, args ...any) *Error { return New(CodeInvalid, format, args...) }

// Unauthorized means: who are you?
func Unauthorized(format string, args ...any) *Error { return New(CodeUnauthorized, format, args...) }

// Forbidden means: known, but without the right.
func Forbidden(format string, args ...any) *Error { return New(CodeForbidden, format, args...) }

// NotFound means that the named thing does not exist, or is not this caller's to see.
func NotFound(format string, args ...any) *Error { return New(CodeNotFound, format, args...) }

// Conflict means that the thing's present state does not allow it.
func Conflict(format string, args ...any) *Error { return New(CodeConflict, format, args...) }

// Limited means: not now; try again later.
func Limited(format string, args ...any) *Error { return New(CodeLimited, format, args...) }

// CodeOf gives the code of the first Error in the chain, CodeInternal where there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Message gives what may be shown: the first Error's message, or a neutral sentence.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong on the server. The log has the details."
}
