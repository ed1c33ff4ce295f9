package host_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/cli/host"
)

// What strangers have sent commands no terminal, as JSON neither, and is the same when it is read.
func TestWhatIsPrintedCommandsNoTerminal(t *testing.T) {
	const sent = "a\u009b31mb\x1b[2Jc"
	var out bytes.Buffer
	h := &host.Host{Out: &out}
	if err := h.JSON(sent); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != sent {
		t.Errorf("%q: %v", back, err)
	}
	h.Say("%s", sent)
	if err := h.Table("A B", [][]string{{sent, "x"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\u009b\x1b") {
		t.Errorf("%q", out.String())
	}
}
