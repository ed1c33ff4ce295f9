package check_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// rubys asks as RateLim.it's client for Ruby does.
func (w *world) rubys(method, path, body string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.SetBasicAuth("shop", key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return w.do(req)
}

type response struct {
	Passed                                              bool
	Amount                                              int64
	PolicyGroup, EnforcedGroup, PolicyName, SafetyLevel string
	ExpiresAt, LimitResetAt                             int64
	PolicyLimit                                         int64
}

func (w *world) acquire(group string, amount int64) (response, answer) {
	w.Helper()
	a := w.rubys("POST", "/limitcheck", fmt.Sprintf(`{"acquireAmount":%d,"groups":[%q],"allowPartialResponse":false}`, amount, group))
	var out response
	if err := json.Unmarshal([]byte(a.text), &out); err != nil || a.StatusCode != 200 {
		w.Fatalf("%s: %d %s", group, a.StatusCode, a.text)
	}
	return out, a
}

func TestRubyClient(t *testing.T) {
	w := newWorld(t)
	define := `{"limit":2,"group":"event:pageload","burst":2,"policyName":"HOURLY_ROLLING","safetyLevel":null,"returnable":false}`
	if a := w.rubys("POST", "/limits", define); a.StatusCode != 204 {
		t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	if a := w.rubys("POST", "/limits", define); a.StatusCode != 409 {
		t.Errorf("a limit that is there: %d", a.StatusCode)
	}
	if a := w.rubys("PUT", "/limits", define); a.StatusCode != 204 {
		t.Errorf("the same again: %d %s", a.StatusCode, a.text)
	}
	if a := w.rubys("PUT", "/limits", strings.Replace(define, `:2,`, `:2.0,`, 1)); a.StatusCode != 204 {
		t.Errorf("what was divided: %d %s", a.StatusCode, a.text)
	}
	if a := w.rubys("PUT", "/limits", strings.Replace(define, `:2,`, `:2.5,`, 1)); a.StatusCode != 400 {
		t.Errorf("two and a half: %d %s", a.StatusCode, a.text)
	}
	r, a := w.acquire("event:pageload:home:1", 1)
	if !r.Passed || r.Amount != 1 || r.PolicyGroup != "event:pageload" || r.EnforcedGroup != "event:pageload:home:1" || r.PolicyName != "HOURLY_ROLLING" || r.PolicyLimit != 2 || r.SafetyLevel != "L4_BEST_EFFORT" || r.ExpiresAt != 0 {
		t.Errorf("%+v", r)
	}
	if a.Header.Get("X-Rate-Limit-Reset") != "" {
		t.Error("a pass makes the client deny by itself")
	}
	if r, a := w.acquire("event:pageload:home:1", 2); r.Passed || r.Amount != 0 || a.Header.Get("X-Rate-Limit-Reset") != "" {
		t.Errorf("one is left for who asks for one: %+v %v", r, a.Header)
	}
	w.acquire("event:pageload:home:1", 1)
	r, a = w.acquire("event:pageload:home:1", 1)
	until, _ := strconv.ParseInt(a.Header.Get("X-Rate-Limit-Reset"), 10, 64)
	if want := w.now().Add(30 * time.Minute).UnixMilli(); r.Passed || until != want || r.LimitResetAt != want {
		t.Errorf("%+v, until %d, want %d", r, until, want)
	}
	// What is no answer of a limit is no JSON: the client would take it for a denial, whatever its caller chose.
	for body, status := range map[string]int{
		`{"acquireAmount":1,"groups":["nothing"]}`: 404, `{"acquireAmount":0,"groups":["event:pageload:x"]}`: 422, `{"acquireAmount":-5,"groups":["event:pageload:x"]}`: 422, `{"acquireAmount":1,"groups":[]}`: 422,
		`{"acquireAmount":1,"groups":["event:pageload:x"],"limitCombiner":"SUM"}`: 422, `{`: 400,
	} {
		a := w.rubys("POST", "/limitcheck", body)
		if a.StatusCode != status || json.Valid([]byte(a.text)) || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.text)
		}
	}
	if a := w.call("POST", "/api/v1/limitcheck", `{}`); a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("nobody: %d", a.StatusCode)
	}
}

// Once ever, and tokens that are returned: what the README of the client is for.
func TestRubyClientsInfiniteAndReturnable(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		`{"limit":1,"group":"event:activation","burst":1,"policyName":"INFINITE","returnable":false}`,
		`{"limit":1440,"group":"pool","burst":2,"policyName":"DAILY_ROLLING","returnable":true}`, // two tokens, one comes back each minute
	} {
		if a := w.rubys("PUT", "/limits", body); a.StatusCode != 204 {
			t.Fatalf("%d %s", a.StatusCode, a.text)
		}
	}
	if r, _ := w.acquire("event:activation:1", 1); !r.Passed || r.PolicyName != "INFINITE" {
		t.Errorf("%+v", r)
	}
	w.clock.Add(int64(1000 * 24 * time.Hour))
	if r, a := w.acquire("event:activation:1", 1); r.Passed || a.Header.Get("X-Rate-Limit-Reset") != "" {
		t.Errorf("%+v %v", r, a.Header)
	}
	one, _ := w.acquire("pool", 1)
	if two, _ := w.acquire("pool", 1); !two.Passed || one.ExpiresAt != w.now().Add(time.Minute).UnixMilli() || two.ExpiresAt != w.now().Add(2*time.Minute).UnixMilli() {
		t.Errorf("%+v %+v", one, two)
	}
	if r, a := w.acquire("pool", 1); r.Passed || a.Header.Get("X-Rate-Limit-Reset") != "" { // it may be returned before
		t.Errorf("%+v %v", r, a.Header)
	}
	back := fmt.Sprintf(`{"enforcedGroup":%q,"expiresAt":%d,"amount":1}`, one.EnforcedGroup, one.ExpiresAt)
	if a := w.rubys("POST", "/limitreturn", back); a.StatusCode != 204 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	if a := w.rubys("POST", "/limitreturn", back); a.StatusCode != 409 {
		t.Errorf("twice: %d %s", a.StatusCode, a.text)
	}
	for _, body := range []string{`{"enforcedGroup":"pool","expiresAt":0,"amount":1}`, `{"enforcedGroup":"pool","expiresAt":9223372036854775807,"amount":1}`, `{"enforcedGroup":"pool","expiresAt":1,"amount":-1}`} {
		if a := w.rubys("POST", "/limitreturn", body); a.StatusCode != 422 {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.text)
		}
	}
	if r, _ := w.acquire("pool", 1); !r.Passed {
		t.Errorf("what was returned: %+v", r)
	}
	if r, _ := w.acquire("pool", 1); r.Passed {
		t.Errorf("and no more: %+v", r)
	}
	w.clock.Add(int64(5 * time.Minute))
	if r, _ := w.acquire("pool", 2); !r.Passed {
		t.Errorf("what nobody returned comes back: %+v", r)
	}
}

// Limits hold in all environments: a key of a developer's does not loosen them.
func TestWhoDefinesLimits(t *testing.T) {
	w := newWorld(t)
	w.env = "staging"
	for _, method := range []string{"POST", "PUT"} {
		if a := w.rubys(method, "/limits", `{"limit":2,"group":"x","burst":2,"policyName":"HOURLY_ROLLING"}`); a.StatusCode != 403 {
			t.Errorf("%s: %d %s", method, a.StatusCode, a.text)
		}
	}
}

// All workers of an app say their limits at their start: each of them is answered well.
func TestUpsertsAtOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if a := w.rubys("PUT", "/limits", fmt.Sprintf(`{"limit":%d,"group":"x","burst":%d,"policyName":"HOURLY_ROLLING"}`, i%2+1, i%2+1)); a.StatusCode != 204 {
				t.Errorf("%d %s", a.StatusCode, a.text)
			}
		})
	}
	wg.Wait()
}

// messages are RateLim.it's, as its ratelimit.proto has them: an independent reading of what the door writes and reads.
func messages(t *testing.T) map[string]protoreflect.MessageDescriptor {
	t.Helper()
	field := func(name string, num int32, kind descriptorpb.FieldDescriptorProto_Type, more ...string) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &num, Type: &kind, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		for _, m := range more {
			switch {
			case m == "repeated":
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			case strings.HasPrefix(m, "."):
				f.TypeName = &m
			default:
				f.DefaultValue = &m
			}
		}
		return f
	}
	enum := func(name string, values map[string]int32) *descriptorpb.EnumDescriptorProto {
		e := &descriptorpb.EnumDescriptorProto{Name: &name}
		for n, v := range values {
			e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: &n, Number: &v})
		}
		return e
	}
	const (
		text, number, wide, yes, enumerated, message = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_INT32, descriptorpb.FieldDescriptorProto_TYPE_INT64,
			descriptorpb.FieldDescriptorProto_TYPE_BOOL, descriptorpb.FieldDescriptorProto_TYPE_ENUM, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	)
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("r.proto"), Package: proto.String("r"), Syntax: proto.String("proto2"),
		EnumType: []*descriptorpb.EnumDescriptorProto{
			enum("Policy", map[string]int32{"SECONDLY_ROLLING": 1, "MINUTELY_ROLLING": 3, "HOURLY_ROLLING": 5, "DAILY_ROLLING": 7, "MONTHLY_ROLLING": 8, "INFINITE": 9, "YEARLY_ROLLING": 10}),
			enum("Safety", map[string]int32{"L4_BEST_EFFORT": 4, "L5_BOMBPROOF": 5}), enum("Combiner", map[string]int32{"MINIMUM": 1, "MAXIMUM": 2}),
		},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("LimitResponse"), Field: []*descriptorpb.FieldDescriptorProto{
				field("passed", 1, yes, "true"), field("expires_at", 2, wide), field("enforced_group", 3, text), field("current_bucket", 4, wide), field("policy_group", 5, text),
				field("policy_name", 6, enumerated, ".r.Policy"), field("policy_limit", 7, number), field("amount", 8, wide, "1"), field("limit_reset_at", 9, wide), field("safety_level", 10, enumerated, ".r.Safety"),
			}},
			{Name: proto.String("LimitRequest"), Field: []*descriptorpb.FieldDescriptorProto{
				field("account_id", 1, wide), field("acquire_amount", 3, number, "1"), field("groups", 4, text, "repeated"), field("limit_combiner", 5, enumerated, ".r.Combiner", "MAXIMUM"),
				field("persist_request", 7, yes, "true"), field("allow_partial_response", 8, yes, "false"),
			}},
			{Name: proto.String("LimitDefinition"), Field: []*descriptorpb.FieldDescriptorProto{
				field("group", 1, text), field("policy_name", 2, enumerated, ".r.Policy"), field("limit", 3, number), field("burst", 4, number), field("account_id", 5, wide), field("last_modified", 6, wide),
				field("returnable", 7, yes), field("safety_level", 8, enumerated, ".r.Safety", "L4_BEST_EFFORT"),
			}},
			{Name: proto.String("LimitDefinitions"), Field: []*descriptorpb.FieldDescriptorProto{field("definitions", 1, message, "repeated", ".r.LimitDefinition")}},
		},
	}
	fd, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]protoreflect.MessageDescriptor{}
	for i := range fd.Messages().Len() {
		out[string(fd.Messages().Get(i).Name())] = fd.Messages().Get(i)
	}
	return out
}

// javas asks as RateLim.it's client for Java does: it says protobuf of what it sends, and nothing of what it wants.
func (w *world) javas(method, path string, body []byte) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+"/api/v1"+path, strings.NewReader(string(body)))
	if err != nil {
		w.Fatal(err)
	}
	req.SetBasicAuth("shop", key)
	req.Header.Set("Content-Type", "application/x-protobuf")
	return w.do(req)
}

func compose(t *testing.T, d protoreflect.MessageDescriptor, fields map[string]any) []byte {
	t.Helper()
	m := dynamicpb.NewMessage(d)
	for name, v := range fields {
		f := d.Fields().ByName(protoreflect.Name(name))
		switch v := v.(type) {
		case []string:
			l := m.Mutable(f).List()
			for _, s := range v {
				l.Append(protoreflect.ValueOfString(s))
			}
		case protoreflect.Name:
			m.Set(f, protoreflect.ValueOfEnum(f.Enum().Values().ByName(v).Number()))
		default:
			m.Set(f, protoreflect.ValueOf(v))
		}
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t *testing.T, d protoreflect.MessageDescriptor, a answer) *dynamicpb.Message {
	t.Helper()
	m := dynamicpb.NewMessage(d)
	if err := proto.Unmarshal([]byte(a.text), m); err != nil || a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Fatalf("%d %q: %v", a.StatusCode, a.text, err)
	}
	if len(m.GetUnknown()) > 0 {
		t.Errorf("fields that nobody knows: %x", m.GetUnknown())
	}
	return m
}

func get(m protoreflect.Message, name string) any {
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if f.Kind() == protoreflect.EnumKind {
		return string(f.Enum().Values().ByNumber(m.Get(f).Enum()).Name())
	}
	return m.Get(f).Interface()
}

func TestJavaClient(t *testing.T) {
	w := newWorld(t)
	d := messages(t)
	hourly := compose(t, d["LimitDefinition"], map[string]any{"group": "pageload", "limit": int32(2), "policy_name": protoreflect.Name("HOURLY_ROLLING"), "safety_level": protoreflect.Name("L5_BOMBPROOF")})
	pool := compose(t, d["LimitDefinition"], map[string]any{"group": "pool", "limit": int32(60), "burst": int32(1), "policy_name": protoreflect.Name("HOURLY_ROLLING"), "returnable": true})
	if a := w.javas("POST", "/limits", hourly); a.StatusCode != 204 || a.text != "" {
		t.Fatalf("%d %q", a.StatusCode, a.text)
	}
	if a := w.javas("POST", "/limits", hourly); a.StatusCode != 409 || a.text != "" {
		t.Errorf("again: %d", a.StatusCode)
	}
	if a := w.javas("PUT", "/limits", pool); a.StatusCode != 204 || a.text != "" {
		t.Fatalf("%d %q", a.StatusCode, a.text)
	}
	w.limit("calendar", rate.Limit{Kind: rate.Calendar, Amount: 5, Unit: rate.Day}) // they have no words for it
	all := parsed(t, d["LimitDefinitions"], w.javas("GET", "/limits", nil))
	list := all.Get(d["LimitDefinitions"].Fields().ByName("definitions")).List()
	if list.Len() != 2 {
		t.Fatalf("%d limits", list.Len())
	}
	one, two := list.Get(0).Message(), list.Get(1).Message()
	if get(one, "group") != "pageload" || get(one, "limit") != int32(2) || get(one, "policy_name") != "HOURLY_ROLLING" || get(one, "safety_level") != "L5_BOMBPROOF" || get(two, "returnable") != true || get(two, "burst") != int32(1) ||
		get(two, "limit") != int32(60) {
		t.Errorf("%v\n%v", one, two)
	}
	ask := compose(t, d["LimitRequest"], map[string]any{"groups": []string{"pageload"}})
	for i := range 3 {
		m := parsed(t, d["LimitResponse"], w.javas("POST", "/limitcheck", ask))
		if want := i < 2; get(m, "passed") != want || (get(m, "amount") == int64(1)) != want || get(m, "policy_group") != "pageload" || get(m, "policy_limit") != int32(2) {
			t.Errorf("take %d: %v", i, m)
		}
	}
	look := compose(t, d["LimitRequest"], map[string]any{"groups": []string{"pool"}, "persist_request": false})
	for range 2 {
		if m := parsed(t, d["LimitResponse"], w.javas("POST", "/limitcheck", look)); get(m, "passed") != true {
			t.Errorf("a look takes nothing: %v", m)
		}
	}
	a := w.javas("POST", "/limitcheck", compose(t, d["LimitRequest"], map[string]any{"groups": []string{"pool"}, "acquire_amount": int32(3), "allow_partial_response": true}))
	taken := parsed(t, d["LimitResponse"], a)
	if get(taken, "passed") != true || get(taken, "amount") != int64(1) || get(taken, "expires_at") != w.now().Add(time.Minute).UnixMilli() {
		t.Errorf("%v", taken)
	}
	// The client returns the very message that it got.
	if a := w.javas("POST", "/limitreturn", []byte(a.text)); a.StatusCode != 204 || a.text != "" {
		t.Errorf("%d %q", a.StatusCode, a.text)
	}
	if a := w.javas("POST", "/limitreturn", []byte(a.text)); a.StatusCode != 409 {
		t.Errorf("twice: %d %q", a.StatusCode, a.text)
	}
	if a := w.javas("POST", "/limitcheck", []byte{0xff}); a.StatusCode != 400 {
		t.Errorf("no message: %d", a.StatusCode)
	}
}

// Of several groups MAXIMUM takes of one that has some, MINIMUM of all or of none.
func TestCombiners(t *testing.T) {
	w := newWorld(t)
	d := messages(t)
	w.limit("few", rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Hour})
	w.limit("many", rate.Limit{Kind: rate.Rolling, Amount: 3, Unit: rate.Hour})
	ask := func(combiner protoreflect.Name, persist bool) (bool, string) {
		fields := map[string]any{"groups": []string{"few", "many"}, "limit_combiner": combiner}
		if !persist {
			fields["persist_request"] = false
		}
		m := parsed(t, d["LimitResponse"], w.javas("POST", "/limitcheck", compose(t, d["LimitRequest"], fields)))
		return get(m, "passed").(bool), get(m, "enforced_group").(string)
	}
	var got []string
	for _, c := range []protoreflect.Name{"MINIMUM", "MINIMUM", "MAXIMUM", "MAXIMUM", "MAXIMUM"} {
		look, _ := ask(c, false)
		passed, group := ask(c, true)
		if look != passed {
			t.Errorf("%s: a look says %v, a take %v", c, look, passed)
		}
		got = append(got, fmt.Sprint(passed, group))
	}
	if want := []string{"truefew", "falsefew", "truemany", "truemany", "falsefew"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
