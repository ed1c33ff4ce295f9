package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

var (
	update = flag.Bool("update", false, "write the JSON of types and fields that are new; never changes a file that exists")
	force  = flag.Bool("force", false, "write the JSON of all types anew: only before the first release, for it forgets what old logs look like")
)

// payloads holds one value of each state event. TestEveryTypeIsListed finds those that were forgotten.
func payloads() []event.Payload {
	return []event.Payload{
		event.AppCreated{}, event.EnvironmentCreated{}, event.EnvironmentChanged{}, event.ConfigChanged{}, event.GitPushed{},
		event.BuildQueued{}, event.BuildStarted{}, event.BuildListed{}, event.BuildProgressed{}, event.LeaseExpired{}, event.BuildPassed{},
		event.BuildFailed{}, event.BuildCancelled{}, event.ReleaseCreated{},
		event.RolloutQueued{}, event.RolloutStarted{}, event.RolloutMoved{}, event.RolloutJudged{}, event.RolloutEnded{}, event.RolloutHeld{}, event.RolloutAssessed{},
		event.FreezeSet{}, event.FreezeLifted{}, event.DeployRequested{}, event.DeployApplied{}, event.DeployFailed{}, event.ProcessChanged{},
		event.TrafficRequested{}, event.TrafficApplied{}, event.AgentJoined{}, event.AgentLost{}, event.AgentReturned{}, event.AgentRemoved{},
		event.NoticeSent{}, event.NoticeFailed{}, event.SourceCreated{}, event.SourceChanged{}, event.CollectionChanged{}, event.UserForgotten{}, event.SuppressionLifted{}, event.PlanChanged{},
		event.QuestionSaved{}, event.QuestionRemoved{},
		event.FlagCreated{}, event.FlagChanged{}, event.FlagGroupChanged{}, event.FlagKeyChanged{}, event.FlagsConfigured{}, event.FlagPlanned{}, event.FlagPlanEnded{}, event.LimitChanged{}, event.LimitNeared{}, event.RampStarted{}, event.RampMoved{}, event.RampEnded{},
	}
}

// The names of the golden files of telemetry, which has no envelope.
const (
	edgeSecond = "telemetry.edge"
	hostSecond = "telemetry.host"
)

// samples gives each type's value with all fields filled.
func samples() map[string]any {
	out := map[string]any{edgeSecond: filled(event.EdgeSecond{}), hostSecond: filled(event.HostSecond{})}
	for _, p := range payloads() {
		out[string(p.EventType())] = filled(p)
	}
	return out
}

// filled gives a value of p's type in which every field, at every depth, has a value other than zero, made of the field's own path: so a new field
// leaves the others as they were.
func filled(p any) any {
	v := reflect.New(reflect.TypeOf(p)).Elem()
	fill(v, "")
	return v.Interface()
}

func fill(v reflect.Value, path string) {
	number := int64(crc32.ChecksumIEEE([]byte(path))%900 + 100)
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 20, 9, 30, int(number%60), 125_000, time.UTC)))
		return
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"app":"shop"}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.TrimPrefix(path, "/"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(number)
	case reflect.Float64:
		v.SetFloat(float64(number) + 0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillEach(v, path)
	case reflect.Array:
		fillEach(v, path)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		elem := reflect.New(v.Type().Elem()).Elem()
		fill(elem, path+"/key")
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), elem)
	case reflect.Struct:
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fill(v.Field(i), path+"/"+tag)
		}
	default:
		panic("no sample for " + v.Type().String())
	}
}

func fillEach(v reflect.Value, path string) {
	for i := range v.Len() {
		fill(v.Index(i), path+"/"+strconv.Itoa(i))
	}
}

// goldens reads the files of one type: name.json, and name.2.json and so on, one for each time that the type gained fields.
func goldens(t *testing.T, name string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, pattern := range []string{".json", ".[0-9]*.json"} {
		files, err := filepath.Glob(filepath.Join("testdata", name+pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if out[f], err = os.ReadFile(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// pretty is how goldens are written.
func pretty(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func TestEveryTypeHasAGolden(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(samples())) {
		want := pretty(t, samples()[name])
		have := goldens(t, name)
		if *force {
			for file := range have {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			have = nil
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(have)), func(b []byte) bool { return bytes.Equal(b, want) }) {
			continue
		}
		if !*update && !*force {
			t.Errorf("%s has a shape that no file in testdata shows. A new type or a new field: go test ./internal/event -update. "+
				"A field renamed or removed: put it back, logs hold it for ever. It is now:\n%s", name, want)
			continue
		}
		file := filepath.Join("testdata", name+".json")
		if len(have) > 0 {
			file = filepath.Join("testdata", fmt.Sprintf("%s.%d.json", name, len(have)+1))
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldGoldensDecode reads each golden as this program would read it from an old log: no field may be unknown, none may be lost on the way, and
// what was added since is zero.
func TestOldGoldensDecode(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < len(samples()) {
		t.Fatalf("%d files for %d types (%v)", len(files), len(samples()), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := regexp.MustCompile(`(\.\d+)?\.json$`).ReplaceAllString(filepath.Base(file), "")
		sample, ok := samples()[name]
		if !ok {
			t.Errorf("%s: there is no type %s any more; types are for ever", file, name)
			continue
		}
		if complaint := reread(data, reflect.TypeOf(sample)); complaint != "" {
			t.Errorf("%s: %s", file, complaint)
		}
	}
}

// reread decodes golden JSON as a type, encodes it again, and says what got lost.
func reread(golden []byte, as reflect.Type) string {
	v := reflect.New(as)
	dec := json.NewDecoder(bytes.NewReader(golden))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v.Interface()); err != nil {
		return "does not decode: " + err.Error()
	}
	again, err := json.Marshal(v.Interface())
	if err != nil {
		return "does not encode again: " + err.Error()
	}
	var before, after any
	if err := json.Unmarshal(golden, &before); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(again, &after); err != nil {
		return err.Error()
	}
	return lost("", before, after)
}

// lost compares what was with what became of it; what only after has must be zero.
func lost(path string, before, after any) string {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			return path + " is no object any more"
		}
		for k, v := range b {
			if _, ok := a[k]; !ok {
				return path + "." + k + " is lost"
			}
			if s := lost(path+"."+k, v, a[k]); s != "" {
				return s
			}
		}
		for k, v := range a {
			if _, ok := b[k]; !ok && !zero(v) {
				return fmt.Sprintf("%s.%s came from nowhere: %v", path, k, v)
			}
		}
		return ""
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) != len(b) {
			return path + " is another list"
		}
		for i := range b {
			if s := lost(fmt.Sprintf("%s[%d]", path, i), b[i], a[i]); s != "" {
				return s
			}
		}
		return ""
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Sprintf("%s was %v and is %v", path, before, after)
	}
	return ""
}

// zero tells whether a JSON value is what an old event has in a field that is new.
func zero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return !slices.ContainsFunc(slices.Collect(maps.Values(v)), func(v any) bool { return !zero(v) })
	case []any:
		return !slices.ContainsFunc(v, func(v any) bool { return !zero(v) })
	}
	return reflect.ValueOf(v).IsZero()
}

func TestEveryTypeIsListed(t *testing.T) {
	listed := map[string]bool{}
	types := map[event.Type]bool{}
	for _, p := range payloads() {
		listed[reflect.TypeOf(p).Name()] = true
		if types[p.EventType()] {
			t.Errorf("two payloads say %s", p.EventType())
		}
		types[p.EventType()] = true
		if !regexp.MustCompile(`^[a-z]+\.[a-z]+$`).MatchString(string(p.EventType())) {
			t.Errorf("%s is not noun.participle", p.EventType())
		}
		if p.EventVersion() < 1 {
			t.Errorf("%s has version %d", p.EventType(), p.EventVersion())
		}
	}
	for _, name := range declared(t) {
		if !listed[name] {
			t.Errorf("payloads() lacks %s", name)
		}
	}
}

// declared finds the types of this package that have a method EventType.
func declared(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "EventType" {
				out = append(out, fn.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	if len(out) < 30 {
		t.Fatalf("found %d payloads only", len(out))
	}
	return out
}

// TestGoldensCanFail proves that the check finds what must never happen to a type.
func TestGoldensCanFail(t *testing.T) {
	type now struct {
		Name  string `json:"name"`
		Added int    `json:"added"`
	}
	for _, c := range []struct{ name, golden, want string }{
		{"unchanged", `{"name":"a","added":1}`, ""},
		{"an older one", `{"name":"a"}`, ""},
		{"a renamed field", `{"title":"a"}`, `does not decode: json: unknown field "title"`},
		{"another kind", `{"name":3}`, "does not decode: json: cannot unmarshal number into Go struct field now.name of type string"},
	} {
		if got := reread([]byte(c.golden), reflect.TypeFor[now]()); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	type omits struct {
		Name string `json:"-"`
	}
	if got := reread([]byte(`{}`), reflect.TypeFor[omits]()); got != "" {
		t.Error(got)
	}
	if got := lost("", map[string]any{"a": []any{1.0}}, map[string]any{"a": []any{2.0}}); got != ".a[0] was 1 and is 2" {
		t.Error(got)
	}
	if got := lost("", map[string]any{"a": 1.0}, map[string]any{}); got != ".a is lost" {
		t.Error(got)
	}
	if got := lost("", map[string]any{}, map[string]any{"a": 1.0}); got != ".a came from nowhere: 1" {
		t.Error(got)
	}
}
