package capture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

var received = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func call(body string) *capture.Call {
	n := 0
	return &capture.Call{Body: []byte(body), Received: received, NewID: func() string { n++; return fmt.Sprint("made-", n) }}
}

type dialect = func(*capture.Call) (capture.Decoded, error)

// one reads a body that holds one event.
func one(t *testing.T, read dialect, c *capture.Call) capture.Event {
	t.Helper()
	d, err := read(c)
	if err != nil || len(d.Events) != 1 || len(d.Failures) != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	return d.Events[0]
}

func at(h, m, s int) time.Time { return time.Date(2026, 11, 29, h, m, s, 0, time.UTC) }

func same(t *testing.T, got, want capture.Event) {
	t.Helper()
	if want.Received.IsZero() {
		want.Received = received
	}
	if want.Time.IsZero() {
		want.Time = received
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSegmentBatch(t *testing.T) {
	d, err := capture.Segment(call(`{"writeKey":"wk","sentAt":"2026-11-29T11:58:00Z","context":{"library":{"name":"analytics-node"},"ip":"1.2.3.4"},"batch":[
		{"type":"track","messageId":"m1","userId":42,"event":" order ","properties":{"total": 9.5,"note":"a\u0000b"},"originalTimestamp":"2026-11-29T11:57:00Z","context":{"ip":"5.6.7.8","release":"rel_1"}},
		{"type":"identify","messageId":"m2","anonymousId":"a","traits":{"plan":"pro"},"timestamp":"2026-11-29T11:58:00.000Z"},
		{"type":"page","anonymousId":"a","name":"Home","category":"Docs","properties":{"url":"/"}},
		{"type":"group","userId":"u","groupId":"g","traits":{"size":3}},
		{"type":"alias","userId":"u","previousId":"a"}]}`))
	if err != nil || len(d.Failures) > 0 || len(d.Events) != 5 || d.Key != "wk" {
		t.Fatalf("%+v, %v", d, err)
	}
	sent := at(11, 58, 0)
	same(t, d.Events[0], capture.Event{
		ID: "m1", Kind: capture.Track, Name: "order", User: "42", Time: at(11, 59, 0), Original: at(11, 57, 0), Sent: sent, Release: "rel_1",
		Properties: json.RawMessage(`{"total":9.5,"note":"a\ufffdb"}`), Context: json.RawMessage(`{"ip":"5.6.7.8","library":{"name":"analytics-node"}}`),
	})
	shared := json.RawMessage(`{"ip":"1.2.3.4","library":{"name":"analytics-node"}}`)
	same(t, d.Events[1], capture.Event{ID: "m2", Kind: capture.Identify, Anonymous: "a", Time: received, Original: sent, Sent: sent, Properties: json.RawMessage(`{"plan":"pro"}`), Context: shared})
	same(t, d.Events[2], capture.Event{ID: "made-1", Kind: capture.Page, Name: "Home", Anonymous: "a", Sent: sent, Properties: json.RawMessage(`{"category":"Docs","url":"/"}`), Context: shared})
	same(t, d.Events[3], capture.Event{ID: "made-2", Kind: capture.Group, User: "u", Group: "g", Sent: sent, Properties: json.RawMessage(`{"size":3}`), Context: shared})
	same(t, d.Events[4], capture.Event{ID: "made-3", Kind: capture.Alias, User: "u", Previous: "a", Sent: sent, Context: shared})
}

// A single call: the address says the kind, the request what the client does not.
func TestSegmentSingle(t *testing.T) {
	c := call(`{"writeKey":"wk","event":"x","anonymousId":"a","messageId":"m"}`)
	c.Kind, c.IP, c.UserAgent, c.Release = capture.Track, "9.9.9.9", "curl", "rel_2"
	c.Network = func(ip string) string { return strings.TrimSuffix(ip, ".9") + ".0" }
	d, err := capture.Segment(c)
	if err != nil || d.Key != "wk" {
		t.Fatalf("%+v, %v", d, err)
	}
	same(t, d.Events[0], capture.Event{ID: "m", Kind: capture.Track, Name: "x", Anonymous: "a", Release: "rel_2", Context: json.RawMessage(`{"ip":"9.9.9.0","userAgent":"curl"}`)})
}

// What happened an hour ago is told now by some clients: the app's word counts.
func TestWhenTheAppSaysWhen(t *testing.T) {
	c := call(`{"type":"track","event":"x","userId":"u","timestamp":"2026-11-29T11:00:00Z","originalTimestamp":"2026-11-29T11:58:00Z","sentAt":"2026-11-29T11:59:00Z"}`)
	if e := one(t, capture.Segment, c); !e.Original.Equal(at(11, 0, 0)) || !e.Time.Equal(at(11, 1, 0)) {
		t.Errorf("%s, %s", e.Original, e.Time)
	}
	if key := capture.PostHogKey([]byte(`{"token":"phc"}`)) + capture.PostHogKey([]byte(`[7]`)) + capture.PostHogKey(nil); key != "phc" {
		t.Errorf("key %q", key)
	}
}

func TestPostHog(t *testing.T) {
	d, err := capture.PostHog(call(`{"api_key":"phc","sent_at":"2026-11-29T11:59:00Z","batch":[
		{"event":"bought","uuid":"u1","distinct_id":"ana","properties":{"$lib":"posthog-node","n":1,"$release":"rel_3"},"timestamp":"2026-11-29T11:58:50Z"},
		{"event":"$feature_flag_called","uuid":"u2","distinct_id":"ana","properties":{"$feature_flag":"new-cart","$feature_flag_response":"b"}},
		{"event":"$identify","uuid":"u3","properties":{"token":"phc","distinct_id":"ana","$device_id":"dev","$anon_distinct_id":"dev"},"$set":{"mail":"a@b"}},
		{"event":"$pageview","uuid":"u4","properties":{"distinct_id":"dev","$device_id":"dev","$current_url":"/","title":"Home"}},
		{"event":"$create_alias","uuid":"u5","distinct_id":"ana","properties":{"alias":"old"}}]}`))
	if err != nil || len(d.Failures) > 0 || len(d.Events) != 5 || d.Key != "phc" {
		t.Fatalf("%+v, %v", d, err)
	}
	sent := at(11, 59, 0)
	same(t, d.Events[0], capture.Event{ID: "u1", Kind: capture.Track, Name: "bought", User: "ana", Time: at(11, 59, 50), Original: at(11, 58, 50), Sent: sent, Release: "rel_3", Properties: json.RawMessage(`{"$lib":"posthog-node","n":1}`)})
	same(t, d.Events[1], capture.Event{ID: "u2", Kind: capture.Exposure, Name: "new-cart", User: "ana", Sent: sent, Properties: json.RawMessage(`{"$feature_flag":"new-cart","value":"b"}`)})
	same(t, d.Events[2], capture.Event{ID: "u3", Kind: capture.Identify, User: "ana", Anonymous: "dev", Sent: sent, Properties: json.RawMessage(`{"mail":"a@b"}`)})
	same(t, d.Events[3], capture.Event{ID: "u4", Kind: capture.Page, Name: "Home", Anonymous: "dev", Sent: sent, Properties: json.RawMessage(`{"$current_url":"/","title":"Home"}`)})
	same(t, d.Events[4], capture.Event{ID: "u5", Kind: capture.Alias, User: "ana", Previous: "old", Sent: sent, Properties: json.RawMessage(`{"alias":"old"}`)})

	hidden := call(`{"event":"x","distinct_id":"d","properties":{"$ip":7}}`)
	hidden.Network = func(string) string { return "" }
	if e := one(t, capture.PostHog, hidden); e.Properties != nil {
		t.Errorf("%s", e.Properties)
	}
	ago := one(t, capture.PostHog, call(`[{"event":"x","uuid":"u","properties":{"token":"phc","distinct_id":"d"},"offset":30000}]`))
	if !ago.Time.Equal(at(11, 59, 30)) {
		t.Errorf("30 s ago is %s", ago.Time)
	}
	if d, _ := capture.PostHog(call(`[{"event":"x","properties":{"token":"phc","distinct_id":"d"}}]`)); d.Key != "phc" {
		t.Errorf("key %q", d.Key)
	}
}

func TestCloudEvents(t *testing.T) {
	body := `{"specversion":"1.0","id":"7","source":"/shop","type":"order.paid","time":"2026-11-29T11:00:00Z","userid":"u","subject":"order 9","data":{"total":3}}`
	want := capture.Event{
		ID: "/shop#7", Kind: capture.Track, Name: "order.paid", User: "u", Time: at(11, 0, 0), Original: at(11, 0, 0), Properties: json.RawMessage(`{"total":3}`),
		Context: json.RawMessage(`{"source":"/shop","subject":"order 9"}`),
	}
	same(t, one(t, capture.CloudEvents, call(body)), want)
	d, err := capture.CloudEvents(call("[" + body + "," + body + "]"))
	if err != nil || len(d.Events) != 2 {
		t.Errorf("a batch: %+v, %v", d, err)
	}
	binary, err := capture.CloudEventOf(map[string]string{
		"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.paid", "time": "2026-11-29T11:00:00Z", "userid": "u", "subject": "order 9",
	}, "application/json", []byte(`{"total":3}`))
	if err != nil {
		t.Fatal(err)
	}
	same(t, one(t, capture.CloudEvents, call(string(binary))), want)
	words, err := capture.CloudEventOf(map[string]string{"specversion": "1.0", "id": "7", "source": "/shop", "type": "note"}, "text/plain", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if e := one(t, capture.CloudEvents, call(string(words))); string(e.Properties) != `{"data":"hello"}` {
		t.Errorf("%s", e.Properties)
	}
}

// Whatever is wrong with one event leaves the others alone, and is told in words and with the very bytes.
func TestFailures(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	var many []string
	for i := range capture.MaxProperties + 1 {
		many = append(many, fmt.Sprintf(`"p%d":1`, i))
	}
	for name, c := range map[string]struct {
		read   dialect
		item   string
		reason capture.Reason
		says   string
	}{
		"no user":       {capture.Segment, `{"type":"track","event":"x"}`, capture.NoUser, "userId or an anonymousId"},
		"no name":       {capture.Segment, `{"type":"track","userId":"u"}`, capture.NoName, "no name"},
		"type":          {capture.Segment, `{"type":"trak","userId":"u"}`, capture.Malformed, `"trak" is none; send track`},
		"no type":       {capture.Segment, `{"userId":"u"}`, capture.Malformed, "send track"},
		"name number":   {capture.Segment, `{"type":"track","event":5,"userId":"u"}`, capture.WrongType, "event is a number; send a string"},
		"page number":   {capture.Segment, `{"type":"page","name":-5,"userId":"u"}`, capture.WrongType, "name is a number; send a string"},
		"user object":   {capture.Segment, `{"type":"track","event":"x","userId":{}}`, capture.WrongType, "userId is an object; send a string"},
		"properties":    {capture.Segment, `{"type":"track","event":"x","userId":"u","properties":[1]}`, capture.WrongType, "properties is a list; send an object"},
		"context":       {capture.Segment, `{"type":"track","event":"x","userId":"u","context":"x"}`, capture.WrongType, "context is a string"},
		"time":          {capture.Segment, `{"type":"track","event":"x","userId":"u","timestamp":"yesterday"}`, capture.WrongType, "yesterday"},
		"year":          {capture.Segment, `{"type":"track","event":"x","userId":"u","timestamp":9e99}`, capture.WrongType, "9e99"},
		"not an object": {capture.Segment, `7`, capture.Malformed, "not an object"},
		"null":          {capture.Segment, `null`, capture.Malformed, "not an object"},
		"deep":          {capture.Segment, `{"type":"track","event":"x","userId":"u","properties":` + deep + `}`, capture.TooDeep, "deeper than 32"},
		"many":          {capture.Segment, `{"type":"track","event":"x","userId":"u","properties":{` + strings.Join(many, ",") + `}}`, capture.TooMany, "1001 members"},
		"long name":     {capture.Segment, `{"type":"track","event":"` + strings.Repeat("x", 1001) + `","userId":"u"}`, capture.TooLarge, "event has 1001 bytes"},
		"large":         {capture.Segment, `{"type":"track","event":"x","userId":"u","properties":{"a":"` + strings.Repeat("x", capture.MaxEvent) + `"}}`, capture.TooLarge, "at most 32768"},
		"posthog user":  {capture.PostHog, `{"event":"x"}`, capture.NoUser, "distinct_id"},
		"posthog flag":  {capture.PostHog, `{"event":"$feature_flag_called","distinct_id":"d"}`, capture.NoName, "$feature_flag"},
		"posthog alias": {capture.PostHog, `{"event":"$create_alias","distinct_id":"d"}`, capture.NoUser, "alias"},
		"version":       {capture.CloudEvents, `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, capture.Malformed, `"0.3"`},
		"no id":         {capture.CloudEvents, `{"specversion":"1.0","source":"s","type":"t"}`, capture.Malformed, "no id"},
	} {
		t.Run(name, func(t *testing.T) {
			good := `{"type":"track","event":"x","userId":"u","name":"x","distinct_id":"d","specversion":"1.0","id":"1","source":"s"}`
			body := fmt.Sprintf(`[%s, %s ,%s]`, good, c.item, good)
			d, err := c.read(call(body))
			if err != nil || len(d.Events) != 2 || len(d.Failures) != 1 {
				t.Fatalf("%+v, %v", d, err)
			}
			f := d.Failures[0]
			if f.Reason != c.reason || !strings.Contains(f.Message, c.says) || string(f.Raw) != c.item {
				t.Errorf("%s: %q, %.80s", f.Reason, f.Message, f.Raw)
			}
		})
	}
}

// What nobody can read is refused, for the sender to see.
func TestWholeBodies(t *testing.T) {
	for body, says := range map[string]string{
		"":                                     "the body is empty",
		" \n":                                  "the body is empty",
		"hello":                                "in line 1, column 1, 'h' does not belong",
		`"text"`:                               "the body is a string; send one JSON object",
		`5`:                                    "the body is a number",
		`null`:                                 "the body is null",
		`{"batch":7}`:                          `"batch" is a number; send a list`,
		`{"batch":[}`:                          "not JSON: in line 1, column 11, '}' does not belong",
		"{\"batch\":[\n {\"é\": nope}]}":       "not JSON: in line 2, column 9, 'o' does not belong",
		`{"batch":[{"type":"track","event":"x`: "it ends in the middle, after 36 bytes",
		`{"batch":[{"type":"track"}`:           "it ends in the middle, after 26 bytes",
		`{"a":1} {}`:                           "one a line; send them as a list",
		"{\"event\":\"x\"}\n{\"event\":\"y\"}\n{\"event": "one a line; send them as a list",
		`{"a":1} x`: "in line 1, column 9, 'x' does not belong",
		`{"a":1}}`:  "in line 1, column 8, '}' does not belong",
		`[` + strings.Repeat("1,", capture.MaxBatch/2) + `1]`: "larger than 500 KB",
	} {
		if _, err := capture.Segment(call(body)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
	if d, err := capture.Segment(call("\xef\xbb\xbf" + `{"type":"track","event":"x","userId":"u"}`)); err != nil || len(d.Events) != 1 {
		t.Errorf("a byte order mark: %+v, %v", d, err)
	}
}

func TestClock(t *testing.T) {
	for name, c := range map[string]struct{ sent, original, want time.Time }{
		"nothing said":        {time.Time{}, time.Time{}, received},
		"right clock":         {received, at(11, 0, 0), at(11, 0, 0)},
		"an hour behind":      {at(11, 0, 0), at(10, 50, 0), at(11, 50, 0)},
		"years ahead":         {received.AddDate(30, 0, 0), received.AddDate(30, 0, -1), received.AddDate(0, 0, -1)},
		"sent before it was":  {at(11, 0, 0), at(11, 30, 0), received},
		"no time of sending":  {time.Time{}, at(9, 0, 0), at(9, 0, 0)},
		"tomorrow, not sent":  {time.Time{}, received.Add(25 * time.Hour), received},
		"year 9999, not sent": {time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), received},
		"1970, not sent":      {time.Time{}, time.Unix(0, 0), received},
	} {
		if got := capture.Clock(received, c.sent, c.original); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// written checks that the log gets what encoding/json would write, and that both read it alike.
func written(t *testing.T, e capture.Event) {
	t.Helper()
	e.Host, e.Split = "", "" // they are not kept
	raw := e.AppendJSON(nil)
	var again capture.Event
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatalf("%s cannot be read: %v", raw, err)
	}
	read, err := capture.ReadEvent(raw)
	if diff := cmp.Diff(e, again) + cmp.Diff(e, read); err != nil || diff != "" {
		t.Fatalf("%s is read with %v as another: %s", raw, err, diff)
	}
	own, err := json.Marshal(e)
	if err == nil {
		again, err = capture.ReadEvent(own)
	}
	// It writes some signs in its own way, and reads them back.
	again.Properties, again.Context = e.Properties, e.Context
	if diff := cmp.Diff(e, again); err != nil || diff != "" {
		t.Fatalf("%s is read with %v as another: %s", own, err, diff)
	}
}

// What the log holds is for ever: a full event is written as the tags of Event say, member by member.
func TestTheLogsForm(t *testing.T) {
	e := capture.Event{
		ID: "m\"1", App: "shop", Environment: "production", Source: "src_1", Kind: capture.Group, Name: "é\x01", User: "u", Anonymous: "a", Previous: "p", Group: "g",
		Time: at(1, 2, 3), Original: at(4, 5, 6).Add(time.Microsecond), Sent: at(7, 8, 9), Received: received, Release: "rel_1", Properties: json.RawMessage(`{"a":1}`), Context: json.RawMessage(`{"b":[2]}`),
	}
	want, err := json.Marshal(e)
	if got := e.AppendJSON([]byte("x")); err != nil || string(got) != "x"+string(want) {
		t.Errorf("%s\nis not\n%s, %v", got, want, err)
	}
	written(t, e)
	written(t, capture.Event{})
	for _, broken := range []string{`{"id":7}`, `{"time":"yesterday"}`, `{"id":"x"`, `[]`, ``, `{"received":{}}`} {
		if e, err := capture.ReadEvent([]byte(broken)); err == nil {
			t.Errorf("%s is read as %+v", broken, e)
		}
	}
	if e, err := capture.ReadEvent([]byte(`{"newer":[{}],"id":"x","name":null}`)); err != nil || e.ID != "x" {
		t.Errorf("%+v, %v", e, err)
	}
}

// Whatever comes, each item becomes an event or a failure, and what is kept can be read again.
func FuzzDialects(f *testing.F) {
	for _, seed := range []string{
		`{"batch":[{"type":"track","event":"x","userId":1,"properties":{"a":{"b":[1,"\u0000\\u0000"]}},"timestamp":"2026-01-01"}]}`,
		`[{"event":"$identify","distinct_id":"d","$set":{"a":1},"offset":12}]`, `{"specversion":"1.0","id":"1","source":"s","type":"t","data":"x"}`,
		`{"events":[{"name":"x","user":"u","time":1e12}]}`, `[{"name":"x","user_id":"u"},{"kind":"alias","previous":"p"},{"kind":"exposure","name":"f"}]`, "{\"name\":\"x\",\"\xff\\u0000\":\"u\"}",
		"{\"event\":\"\xff\",\"userId\":\"u\",\"type\":\"track\",\"properties\":{\"\xfe\":1}}", `null`, `{"batch":[null]}`, `{"properties":{"\"":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for i, read := range []dialect{capture.Segment, capture.PostHog, capture.CloudEvents, capture.Plain} {
			d, err := read(call(string(body)))
			if err != nil {
				continue
			}
			for _, e := range d.Events {
				raw := e.AppendJSON(nil)
				if !utf8.Valid(raw) || bytes.Contains([]byte(e.Name+e.User+e.Anonymous), []byte{0}) {
					t.Fatalf("dialect %d kept %+v: %s", i, e, raw)
				}
				written(t, e)
				if e.ID == "" || e.Kind == "" || e.Time.Year() < 2000 || e.Time.After(received.Add(24*time.Hour)) {
					t.Fatalf("dialect %d: %+v", i, e)
				}
			}
			for _, x := range d.Failures {
				if x.Reason == "" || x.Message == "" || len(x.Raw) == 0 || !utf8.Valid(x.Raw) || !utf8.ValidString(x.Message) {
					t.Fatalf("dialect %d: %+v", i, x)
				}
			}
		}
	})
}

// A small body is not allowed to become a large one, nor to take long: what the batch says of each event counts for each, and members that nobody looks at cost nothing.
func TestSmallBodiesStaySmall(t *testing.T) {
	event := `{"type":"track","event":"x","userId":"u"}`
	batch := func(around, events string, n int) capture.Decoded {
		t.Helper()
		c := call(`{"context":` + around + `,"batch":[` + strings.TrimSuffix(strings.Repeat(events+",", n), ",") + `]}`)
		c.UserAgent, c.Release = strings.Repeat("u", 60_000), strings.Repeat("r", 60_000)
		d, err := capture.Segment(c)
		if err != nil || len(d.Events)+len(d.Failures) != n {
			t.Fatalf("%d events and %d failures of %d: %v", len(d.Events), len(d.Failures), n, err)
		}
		kept := 0
		for _, e := range d.Events {
			kept += len(e.AppendJSON(nil))
		}
		if most := capture.MaxKept + n*600; kept > most {
			t.Errorf("%d events became %d bytes", n, kept)
		}
		for _, f := range d.Failures {
			if f.Reason != capture.TooLarge {
				t.Fatalf("%+v", f)
			}
		}
		return d
	}
	if d := batch(`{"a":"`+strings.Repeat("a", 200_000)+`"}`, event, 500); len(d.Events) > 0 {
		t.Errorf("%d events with a context of 200 KB each", len(d.Events))
	}
	if d := batch(`{"a":"`+strings.Repeat("a", 30_000)+`"}`, event, 500); len(d.Events) == 0 || len(d.Failures) == 0 {
		t.Errorf("%d events and %d failures with a context of 30 KB each", len(d.Events), len(d.Failures))
	}
	if d := batch(`{}`, event, 3); len(d.Events) != 3 || len(d.Events[0].Context) > 1100 || d.Events[0].Release != "" {
		t.Errorf("%+v", d)
	}

	var members []string
	for i := range 40_000 {
		members = append(members, fmt.Sprintf(`"m%d":1`, i))
	}
	many := strings.Join(members, ",")
	if d, err := capture.Segment(call(`{` + many + `,"batch":[` + event + `],"writeKey":"wk"}`)); err != nil || len(d.Events) != 1 || d.Key != "wk" {
		t.Errorf("%d, %v", len(d.Events), err)
	}
	few := strings.Join(members[:1400], ",")
	d, err := capture.PostHog(call(`{"event":"$identify","distinct_id":"d","$set":{` + few + `},"properties":{"$set_once":{` + few + `}}}`))
	if err != nil || len(d.Failures) != 1 || d.Failures[0].Reason != capture.TooMany {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := capture.Segment(call(`{"batch":[` + strings.Repeat(`{},`, capture.MaxItems) + `{}]}`)); err == nil || !strings.Contains(err.Error(), "at most 10000 at once") {
		t.Errorf("too many: %v", err)
	}
	if _, err := capture.Segment(call(`{"batch":[` + event + `],"batch":[` + event + `]}`)); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two lists: %v", err)
	}
}

// What is no UTF-8 is stored nowhere, so it is not kept either, whether an event comes of it or not.
func TestBytesThatAreNoText(t *testing.T) {
	d, err := capture.Plain(call("{\"events\":[{\"name\":\"x\xff\",\"user\":{}},{\"name\":\"y\xff\",\"user\":\"u\"}]}"))
	if err != nil || len(d.Events) != 1 || len(d.Failures) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	if d.Events[0].Name != "y\ufffd" || string(d.Failures[0].Raw) != `{"name":"x`+"\ufffd"+`","user":{}}` {
		t.Errorf("%q and %q", d.Events[0].Name, d.Failures[0].Raw)
	}
}

// What the log holds is read, or refused, and read again alike.
func FuzzReadEvent(f *testing.F) {
	for _, seed := range []string{`{"id":"x","kind":"track","time":"2026-01-01T00:00:00Z","received":"2026-01-01T00:00:00.5Z","properties":{"a":1}}`, `{"id":7}`, `{"name":"\ud800"}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := capture.ReadEvent(raw)
		if err != nil || e.Time.Year() > 9999 || e.Received.Year() > 9999 || e.Sent.Year() > 9999 || e.Original.Year() > 9999 || len(e.Properties) > 0 && !json.Valid(e.Properties) || len(e.Context) > 0 && !json.Valid(e.Context) {
			return
		}
		again, err := capture.ReadEvent(e.AppendJSON(nil))
		if diff := cmp.Diff(e, again); err != nil || diff != "" {
			t.Fatalf("%s is read again with %v as another: %s", raw, err, diff)
		}
	})
}

func BenchmarkSegmentBatch(b *testing.B) {
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"type":"track","messageId":"node-next-1764417600000-%d","userId":"user-%d","event":"Order Completed","properties":{"total":%d.5,"currency":"EUR","items":[{"sku":"a","n":1}]},"timestamp":"2026-11-29T11:57:00.000Z","context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{},"_metadata":{"nodeVersion":"24"}}`, i, i, i))
	}
	body := `{"batch":[` + strings.Join(items, ",") + `],"writeKey":"wk","sentAt":"2026-11-29T11:58:00.000Z"}`
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if d, err := capture.Segment(call(body)); err != nil || len(d.Events) != 100 {
			b.Fatal(err)
		}
	}
}

func TestNothingIsKeptThatADatabaseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`a\u0000b`: `a\ufffdb`, `\ud83d\ude00`: `\ud83d\ude00`, `\ud83d`: `\ufffd`, `\ude00x`: `\ufffdx`, `\ud83d\u0041`: `\ufffd\u0041`, `\\u0000`: `\\u0000`, `\\\u0000`: `\\\ufffd`, `\uD83Dé`: `\ufffdé`,
	} {
		c := call(`{"name":"x","user":"u","properties":{"p":"` + in + `"}}`)
		if got, want := string(one(t, capture.Plain, c).Properties), `{"p":"`+want+`"}`; got != want {
			t.Errorf("%s is kept as %s, not as %s", in, got, want)
		}
	}
}
