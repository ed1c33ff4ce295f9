package events_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
)

const order = `{"name":"ordered","schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number"},"items":{"type":"array","items":{"$ref":"#/$defs/item"}}},"additionalProperties":false,"$defs":{"item":{"type":"object","properties":{"sku":{"type":"string","pattern":"^[A-Z]+$"}}}}}}`

func TestTrackingPlan(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	const path = "/v1/apps/shop/events/plan"
	put := func(body string) reply { return w.do("PUT", path, dan, body, "If-Match", "*") }
	var plan track.Plan
	first := w.do("GET", path, vera, "")
	first.into(t, &plan)
	if plan.Mode != "observe" || first.Header.Get("ETag") != `"0"` {
		t.Errorf("%+v", plan)
	}
	refused(t, w.do("PUT", path, dan, `{"mode":"warn","events":[]}`), 428)
	refused(t, w.do("PUT", path, vera, `{"mode":"warn","events":[]}`, "If-Match", "*"), 403)

	for body, want := range map[string]string{
		`{"name":"a","schema":{"properties":{"n":{"type":"numbr"}}}}`: `"events[0].schema/properties/n/type","message":"the schema of \"a\" is none: at /properties/n/type, is not one of \"array\"`,
		`{"name":"a","schema":{"$ref":"http://localhost:1/x.json"}}`:  "references lead within",
		`{"name":"a","schema":{"$ref":"file:///etc/passwd"}}`:         "references lead within",
		`{"name":"a","schema":{"$ref":"#/$defs/none"}}`:               "none",
		`{"name":"a","schema":{"pattern":"("}}`:                       "/pattern",
		`{"name":"a","schema":7}`:                                     "events[0].schema",
		`{"name":"a","schema":true},{"name":"a","schema":true}`:       "twice",
		`{"schema":true}`: "name",
		`{"kind":"flight","name":"a","schema":true}`: "kind",
	} {
		if r := put(`{"mode":"warn","events":[` + body + `]}`); r.StatusCode != 422 || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}

	send := w.sender()
	track1 := func(name, properties string) string {
		return `{"type":"track","event":"` + name + `","userId":"u1","properties":` + properties + `}`
	}
	put(`{"mode":"warn","events":[`+order+`]}`).into(t, &plan)
	send(track1("ordered", `{"total":1,"items":[{"sku":"A"}]}`), track1("ordered", `{"total":"secret"}`), track1("ordered", `{"total":"other"}`), track1("ordered", `{"items":[{"sku":"b"}],"total":1}`), track1("looked", `{}`))
	w.has(`SELECT count(*) FROM events`, "[[5]]")
	var faults api.List[track.FaultCount]
	w.do("GET", path+"/faults", vera, "").into(t, &faults)
	var got []string
	for _, f := range faults.Items {
		got = append(got, fmt.Sprintf("%s %s %s %d", f.Name, f.Path, f.Fault, f.Count))
	}
	if text := strings.Join(got, "; "); text != "looked  the plan has no such event 1; ordered /items/0/sku does not fit pattern 1; ordered /total is string, want number 2" {
		t.Error(text)
	}

	w.has(`SELECT prop(properties, 'total') FROM events WHERE message_id = '`+faults.Items[2].Example+`'`, "[[other]]")

	put(`{"mode":"reject","events":[`+order+`]}`).into(t, &plan)
	send(track1("ordered", `{"total":2}`), track1("ordered", `{"total":"x"}`), track1("ordered", `{"total":3,"colour":"red"}`), track1("ordered", `{}`), track1("looked", `{}`), `{"type":"page","userId":"u1","name":"any"}`)
	w.has(`SELECT count(*) FROM events`, "[[7]]")
	w.has(`SELECT reason, message FROM failed ORDER BY seq`, "[[plan /total: is string, want number] [plan not planned: colour] [plan missing: total] [plan the plan has no such event]]")
	w.has(`SELECT count(*) FROM failed WHERE raw LIKE '%"event":"ordered","userId":"u1"%'`, "[[3]]")
	put(`{"mode":"reject","additional_events":true,"events":[`+order+`]}`).into(t, &plan)
	send(track1("looked", `{"at":"x"}`))
	w.has(`SELECT count(*) FROM events`, "[[8]]")

	var shapes api.List[events.LearnedEvent]
	w.do("GET", "/v1/apps/shop/events/learned", vera, "").into(t, &shapes)
	got = nil
	for _, e := range shapes.Items {
		got = append(got, fmt.Sprintf("%s %s %d %v", e.Kind, e.Name, e.Count, e.Planned))
		for _, p := range e.Properties {
			got = append(got, fmt.Sprintf("%s %s %d %v", p.Name, p.Type, p.Count, p.Planned))
		}
	}
	if text := strings.Join(got, "; "); text != "page any 1 false; track looked 2 false; at string 1 false; track ordered 5 true; items array 2 true; total number 3 true; total string 2 true" {
		t.Error(text)
	}
}
