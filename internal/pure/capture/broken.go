package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// notBody says why a body is none that can be read: what is wrong with it, and where.
func notBody(body []byte, err error) error {
	if len(body) == 0 {
		return errors.New("the body is empty; send one JSON object")
	}
	at := len(body)
	if wrong := (*jsontext.SyntacticError)(nil); errors.As(err, &wrong) {
		at = min(int(wrong.ByteOffset), at)
	}
	switch {
	case err == nil && empty(body):
		return errors.New("the body is null; send one JSON object")
	case err == nil:
		return fmt.Errorf("the body is %s; send one JSON object", nameOf(json.RawMessage(body)))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the body is not JSON: it ends in the middle, after %d bytes; was it cut off on the way?", len(body))
	}
	line, column := 1+bytes.Count(body[:at], []byte("\n")), 1+utf8.RuneCount(body[bytes.LastIndexByte(body[:at], '\n')+1:at])
	if at == len(body) {
		return fmt.Errorf("the body is not JSON: it ends too early, in line %d, column %d", line, column)
	}
	sign, _ := utf8.DecodeRune(body[at:])
	return fmt.Errorf("the body is not JSON: in line %d, column %d, %q does not belong", line, column, sign)
}

// behind says what is wrong with what comes after a whole value.
func behind(body []byte, at int) error {
	rest := bytes.TrimLeft(body[at:], " \t\r\n")
	if len(rest) > 0 && (rest[0] == '{' || rest[0] == '[') {
		return errors.New("the body has several JSON values one behind the other, such as one a line; send them as a list: [{…}, {…}]")
	}
	return notBody(body, &jsontext.SyntacticError{ByteOffset: int64(len(body) - len(rest)), Err: errNotJSON})
}
