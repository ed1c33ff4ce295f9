package events_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/events"
)

// Days begin by the clock of a zone, and are the moments that they are: with the offset, also where a clock leaps.
func TestIntervalsBeginWhereTheZoneSays(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	w.tell("shop", "u1 a", "u2 b")
	for path, c := range map[string]struct{ body, want string }{
		"trend":     {`{` + span + `,"zone":"Europe/Berlin"}`, `[["2026-11-29T00:00:00+01:00",2]]`},
		"retention": {`{` + span + `,"interval":"day","zone":"Asia/Tokyo"}`, `[["2026-11-29T00:00:00+09:00",2,"2026-11-29T00:00:00+09:00",2]]`},
		"trend?":    {`{` + span + `,"interval":"hour","zone":"Asia/Kolkata"}`, `[["2026-11-29T17:00:00+05:30",2]]`},
		"trend??":   {`{` + span + `,"zone":"UTC"}`, `[["2026-11-29T00:00:00Z",2]]`},
	} {
		var a events.Answer
		w.do("POST", "/v1/apps/shop/events/"+strings.TrimRight(path, "?"), vera, c.body).into(t, &a)
		if rows, err := json.Marshal(a.Rows); err != nil || string(rows) != c.want {
			t.Errorf("%s %s\n got %s (%v)\nwant %s", path, c.body, rows, err, c.want)
		}
	}
	// A question that is saved is answered alike.
	var saved struct{ ID string }
	w.do("POST", "/v1/apps/shop/events/saved", adminToken, `{"name":"x","kind":"trend","question":{`+span+`,"zone":"Europe/Berlin"}}`).into(t, &saved)
	var a events.Answer
	w.do("POST", "/v1/apps/shop/events/saved/"+saved.ID+"/ask", vera, "").into(t, &a)
	if rows, err := json.Marshal(a.Rows); err != nil || string(rows) != `[["2026-11-29T00:00:00+01:00",2]]` {
		t.Errorf("saved: %s, %v", rows, err)
	}
}
