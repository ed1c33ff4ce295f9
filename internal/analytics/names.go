package analytics

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// MayName is the condition, in SQL, for the failed events that may name whose id is $1: what an escape may hide, and what has it as it is. Names decides.
const MayName = `(position('\' IN raw) > 0 OR position(CAST($1 AS VARCHAR) IN raw) > 0)`

// IDs are the ids of users and visitors that a failed event names. One that could not be read at all is a string, with what came in it.
func IDs(raw json.RawMessage) []string { return capture.Ids(opened(raw)) }

// Names tells whether a failed event names a user or a visitor: where ids belong, in whatever way they are written, or as a string anywhere else.
func Names(raw json.RawMessage, id string) bool {
	raw = opened(raw)
	return slices.Contains(capture.Ids(raw), id) || valued(raw, id)
}

// valued tells whether a string is somewhere in JSON, but as the name of a member.
func valued(raw []byte, text string) bool {
	quoted := []byte(`"` + text + `"`)
	for {
		_, rest, found := bytes.Cut(raw, quoted)
		if !found {
			return false
		}
		if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":")) {
			return true
		}
		raw = rest
	}
}

func opened(raw json.RawMessage) json.RawMessage {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return json.RawMessage(text)
	}
	return raw
}
