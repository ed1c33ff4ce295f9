package vault

import (
	"fmt"
	"log/slog"
)

// redacted is all that is ever printed of a Secret.
const redacted = "[secret]"

// Secret is a value that is not to be seen. However it is printed, logged or encoded, "[secret]" comes out; Reveal alone gives the value.
type Secret string

// Reveal gives the value, for the one who has to use it.
func (s Secret) Reveal() string { return string(s) }

// String hides the value.
func (s Secret) String() string { return redacted }

// Format hides the value from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the value from package slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the value from encoders.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
