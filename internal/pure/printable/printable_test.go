package printable_test

import (
	"encoding/json"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/printable"
)

func TestWhatATerminalObeysIsShown(t *testing.T) {
	for _, bad := range []string{"\x00", "\x07", "\x08", "\x1b", "\x1f", "\x7f", "\u0080", "\u009b", "\u009f", "\u202a", "\u202e", "\u2066", "\u2069"} {
		if got := printable.Line("a" + bad + "b"); got != "a\ufffdb" {
			t.Errorf("%+q: Line gives %+q", bad, got)
		}
		if got := printable.Text("a" + bad + "b"); got != "a\ufffdb" {
			t.Errorf("%+q: Text gives %+q", bad, got)
		}
		var back string
		raw := printable.JSON([]byte(`"a` + bad + `b"`))
		if err := json.Unmarshal(raw, &back); err != nil || back != "a"+bad+"b" || printable.Line(string(raw)) != string(raw) {
			t.Errorf("%+q: JSON gives %s, which is %+q: %v", bad, raw, back, err)
		}
	}
	const good = "Grüße,\t\u00a0 שלום 漢字 👋🏽 \u2029"
	if printable.Line(good) != good || printable.Text(good+"\r\n") != good+"\r\n" || string(printable.JSON([]byte(good+"\n"))) != good+"\n" {
		t.Errorf("%+q, %+q, %+q", printable.Line(good), printable.Text(good+"\r\n"), printable.JSON([]byte(good)))
	}
	if got := printable.Line("a\r\nb\xffc\x9b"); got != "a  b\ufffdc\ufffd" {
		t.Errorf("%+q", got)
	}
}
