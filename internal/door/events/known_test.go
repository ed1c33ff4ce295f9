package events_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/events"
)

// People call a source by its name; its id does, too.
func TestASourceIsAskedForByItsName(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	send := w.sender() // of "web"
	send(did("a", "u1", ""), did("b", "u1", ""))
	var other track.Source
	w.do("POST", "/v1/apps/shop/sources", adminToken, `{"name":"order service"}`).into(t, &other)
	refused(t, w.do("POST", "/v1/batch", other.Key, `{"batch":[`+did("a", "u2", "")+`,`+did("b", "u2", "")+`,`+did("b", "u3", "")+`]}`), 200)
	w.has(`SELECT count(*) FROM events`, "[[5]]")
	const when = `"from":"2020-01-01T00:00:00Z","to":"2029-12-01T00:00:00Z"`
	where := func(value, is string) string {
		return fmt.Sprintf(`"where":[{"property":"event.source","is":%q,"value":%q}]`, is, value)
	}
	for body, want := range map[string]string{
		`trend {` + when + `,"interval":"month","measure":"visitors",` + where("order service", "equal") + `}`:                                           "2",
		`trend {` + when + `,"interval":"month","measure":"visitors",` + where(other.ID, "equal") + `}`:                                                  "2",
		`trend {` + when + `,"interval":"month","measure":"visitors",` + where("order service", "not_equal") + `}`:                                       "1",
		`top {` + when + `,"property":"event.name",` + where("web", "equal") + `}`:                                                                       "1",
		`funnel {` + when + `,"steps":[{"event":"a",` + where("order service", "equal") + `},{"event":"b",` + where("order service", "equal") + `}]}`:    "1",
		`retention {` + when + `,"interval":"month","first":{` + where("order service", "equal") + `},"back":{` + where("order service", "equal") + `}}`: "2",
	} {
		kind, question, _ := strings.Cut(body, " ")
		var a events.Answer
		w.do("POST", "/v1/apps/shop/events/"+kind, vera, question).into(t, &a)
		raw, err := json.Marshal(a.Rows)
		if err != nil || len(a.Rows) == 0 || fmt.Sprint(a.Rows[0][1]) != want {
			t.Errorf("%s: %s, not %s", body, raw, want)
		}
	}
	// The one that is saved keeps the name.
	var saved struct{ ID string }
	w.do("POST", "/v1/apps/shop/events/saved", adminToken, `{"name":"x","kind":"trend","question":{`+when+`,"interval":"month",`+where("web", "equal")+`}}`).into(t, &saved)
	var a events.Answer
	w.do("POST", "/v1/apps/shop/events/saved/"+saved.ID+"/ask", vera, "").into(t, &a)
	if len(a.Rows) != 1 || fmt.Sprint(a.Rows[0][1]) != "2" {
		t.Errorf("saved: %v", a.Rows)
	}
}

func TestAnEnvironmentThatThereIsNotIsTold(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	w.tell("shop", "u1 a", "u1 b")
	for kind, more := range map[string]string{"trend": ``, "top": `,"property":"n"`, "funnel": `,"steps":[{"event":"a"},{"event":"b"}]`, "retention": `,"interval":"day"`} {
		r := w.do("POST", "/v1/apps/shop/events/"+kind, vera, `{`+span+`,"environment":"prodution"`+more+`}`)
		refused(t, r, http.StatusNotFound)
		if !strings.Contains(string(r.body), `no environment named \"prodution\"`) {
			t.Errorf("%s: %s", kind, r.body)
		}
		refused(t, w.do("POST", "/v1/apps/shop/events/"+kind, vera, `{`+span+`,"environment":"production"`+more+`}`), http.StatusOK)
	}
	refused(t, w.do("GET", "/v1/apps/shop/events/tail?environment=prodution", vera, ""), http.StatusNotFound)
}
