package event_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEnvelopeKeepsItsShape(t *testing.T) {
	data, err := os.ReadFile("testdata/envelope/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev event.Event
	if err := json.Unmarshal(data, &ev); err != nil {
		t.Fatal(err)
	}
	want := event.Event{
		ID: "019aa0b2-7c00-7a3b-8c4d-5e6f708192a3", Type: "build.passed", Version: 1, App: "shop", Env: "production", Actor: "person:ana",
		Cause: "019aa0b2-7bff-7a3b-8c4d-5e6f708192a3", Time: at(t, "2026-11-20T09:30:00.000125Z"), Position: 42, Data: ev.Data,
	}
	if !reflect.DeepEqual(ev, want) {
		t.Errorf("decoded %+v, want %+v", ev, want)
	}
	if complaint := reread(data, reflect.TypeOf(ev)); complaint != "" {
		t.Error(complaint)
	}
}

func TestNewKeepsTimesAsTheStoreDoes(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	now := time.Date(2026, 11, 20, 11, 30, 0, 123_456_789, zone)
	ev, err := event.New(event.Meta{App: "shop", Env: "production", Actor: "person:ana", Cause: "x", Time: now}, event.BuildStarted{Build: "bld_1"})
	if err != nil {
		t.Fatal(err)
	}
	if got := ev.Time.Format(time.RFC3339Nano); got != "2026-11-20T09:30:00.123456Z" {
		t.Errorf("time is %s", got)
	}
	if ev.Type != "build.started" || ev.Version != 1 || ev.Position != 0 || string(ev.Data) != `{"build":"bld_1"}` {
		t.Errorf("event is %+v", ev)
	}
	next := ev.By("system:build", now)
	if next != (event.Meta{App: "shop", Env: "production", Actor: "system:build", Cause: ev.ID, Time: now}) {
		t.Errorf("caused by it: %+v", next)
	}
}

func TestNewFailsForWhatIsNoJSON(t *testing.T) {
	_, err := event.New(event.Meta{}, event.BuildPassed{Manifest: json.RawMessage("{")})
	if err == nil || !strings.Contains(err.Error(), "encode event build.passed") {
		t.Errorf("error %v", err)
	}
}

func TestDecode(t *testing.T) {
	ev, err := event.New(event.Meta{Time: time.Unix(1, 0)}, event.BuildStarted{Build: "bld_1"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := event.Decode[event.BuildStarted](ev); err != nil || p.Build != "bld_1" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := event.Decode[event.BuildListed](ev); err == nil || !strings.Contains(err.Error(), "is a build.started, not a build.listed") {
		t.Errorf("another type: %v", err)
	}
	newer := ev
	newer.Version = 2
	if _, err := event.Decode[event.BuildStarted](newer); err == nil || !strings.Contains(err.Error(), "upgrade Slipway") {
		t.Errorf("a newer version: %v", err)
	}
	broken := ev
	broken.Data = json.RawMessage(`{"build":3}`)
	if _, err := event.Decode[event.BuildStarted](broken); err == nil || !strings.Contains(err.Error(), ev.ID) {
		t.Errorf("broken data: %v", err)
	}
	added := ev
	added.Data = json.RawMessage(`{"build":"bld_1","since_version_9":true}`)
	if _, err := event.Decode[event.BuildStarted](added); err != nil {
		t.Errorf("a field that is newer than this program: %v", err)
	}
}

func TestIDsAreUniqueAndSortByTime(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	key := regexp.MustCompile(`^rol_[0-7][0-9a-hjkmnp-tv-z]{25}$`)
	start := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	var ids, keys []string
	for i := range 5000 {
		now := start.Add(time.Duration(i) * time.Microsecond)
		ids, keys = append(ids, event.NewID(now)), append(keys, event.NewKey("rol", now))
	}
	for i := range ids {
		if !uuid.MatchString(ids[i]) || !key.MatchString(keys[i]) {
			t.Fatalf("malformed: %s, %s", ids[i], keys[i])
		}
	}
	if !slices.IsSorted(ids) || !slices.IsSorted(keys) {
		t.Error("ids made one microsecond after the other do not sort")
	}
	same := map[string]bool{}
	for range 1000 {
		same[event.NewID(start)] = true
	}
	if len(same) != 1000 {
		t.Errorf("%d ids of 1000 made at one time differ", len(same))
	}
}

func TestEdgeSecond(t *testing.T) {
	if key := (event.EdgeSecond{Edge: "agt_1", Boot: "b", Number: 7}).Key(); key != "agt_1/b/7" {
		t.Errorf("key %s", key)
	}
	full := filled(event.Counts{}).(event.Counts)
	sum := full
	sum.Add(full)
	v, w := reflect.ValueOf(full), reflect.ValueOf(sum)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Int64 {
			if w.Field(i).Int() != 2*v.Field(i).Int() {
				t.Errorf("Add forgets %s", name)
			}
			continue
		}
		for k := range v.Field(i).Len() {
			if w.Field(i).Index(k).Int() != 2*v.Field(i).Index(k).Int() {
				t.Errorf("Add forgets %s[%d]", name, k)
			}
		}
	}
}

// FuzzEnvelope: whatever decodes as an envelope is the same after a round trip.
func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"id":"a","type":"app.created","version":1,"actor":"x","time":"2026-11-20T09:30:00Z","data":{}}`))
	f.Add([]byte(`{"data":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ev, again event.Event
		if json.Unmarshal(data, &ev) != nil || ev.Time.Year() < 0 || ev.Time.Year() > 9999 {
			return
		}
		body, err := json.Marshal(ev)
		if err != nil {
			t.Skip() // a time zone that JSON cannot hold
		}
		if err := json.Unmarshal(body, &again); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		second, err := json.Marshal(again)
		if err != nil || string(second) != string(body) {
			t.Fatalf("%s became %s (%v)", body, second, err)
		}
	})
}
