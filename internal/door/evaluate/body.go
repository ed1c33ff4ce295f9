package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// maxBody is how much of a visitor may be told, in bytes, and bodyTime how long that may take to come.
	maxBody  = 1 << 20
	bodyTime = 30 * time.Second
	// What is more than this of a visitor is a mistake, or meant to make evaluations slow: each expression in a rule reads the whole of a text.
	maxAttributes = 1000     // of one object
	maxDepth      = 32       // of objects and lists in one another
	maxName       = 256      // bytes
	maxText       = 10 << 10 // bytes
)

// object reads the members of a body that is a JSON object.
func object(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("bound the time of a body: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, api.TooLarge("the body has more than 1 MB; send what the rules ask for, no more")
	}
	if err != nil {
		return nil, api.Malformed("the body ended early, or did not come in time")
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("free the connection of a body's time: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			return nil, api.Malformed("the body must be a JSON object, not a " + wrong.Value)
		}
		return nil, api.Malformed("the body is not JSON: " + err.Error())
	}
	return members, nil
}

// attributes reads what is known of a visitor; nothing is known where there is none.
func attributes(raw json.RawMessage, path string) (map[string]any, error) {
	if missing(raw) {
		return map[string]any{}, nil
	}
	if raw[0] != '{' {
		return nil, wrongType(path, "an object of attributes", raw)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, api.Malformed(path + " is not JSON: " + err.Error())
	}
	return all, sensible(all, path, 1)
}

func missing(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// sensible says what is too much.
func sensible(v any, path string, depth int) error {
	if depth > maxDepth {
		return fault.Invalid("%s is nested deeper than %d levels", short(path), maxDepth).At(short(path))
	}
	switch v := v.(type) {
	case string:
		if len(v) > maxText {
			return fault.Invalid("%s has %d bytes; an attribute may have %d", short(path), len(v), maxText).At(short(path))
		}
	case []any:
		for i, one := range v {
			if err := sensible(one, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		if len(v) > maxAttributes {
			return fault.Invalid("%s has %d members; an object may have %d", short(path), len(v), maxAttributes).At(short(path))
		}
		for name, one := range v {
			at := path + "." + name
			if len(name) > maxName {
				return fault.Invalid("the name %s has %d bytes; it may have %d", short(at), len(name), maxName).At(short(at))
			}
			if err := sensible(one, at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func wrongType(path, want string, raw json.RawMessage) error {
	return fault.Invalid("%s must be %s, not %s", path, want, kindOf(raw)).At(path)
}

// kindOf is the type of a JSON text in words.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// short is a path that can be shown.
func short(path string) string {
	const most = 100
	if r := []rune(path); len(r) > most {
		return string(r[:most]) + "…"
	}
	return path
}

func tooLong(path string, n, most int) error {
	return fault.Invalid("%s has %d bytes; it may have %d", path, n, most).At(path)
}
