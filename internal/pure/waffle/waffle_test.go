package waffle_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

func in(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if strings.EqualFold(pairs[i], name) {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func truth(b bool) *bool { return &b }

const monthLong = 2592000

// The whole order: each row adds what comes one step before, and that decides.
func TestOrder(t *testing.T) {
	f := waffle.Flag{Name: "my_flag"}
	r := waffle.Request{Draw: 50}
	s := waffle.Settings{}
	for _, step := range []struct {
		name  string
		setup func()
		want  waffle.Decision
	}{
		{"nothing is set", func() {}, waffle.Decision{Reason: waffle.ByNothing}},
		{"a percentage that the draw is beyond", func() { f.Percent = 49.9 },
			waffle.Decision{Reason: waffle.ByDraw, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "False", MaxAge: monthLong, Secure: true}}},
		{"the draw just within", func() { r.Draw = 49.9 },
			waffle.Decision{Active: true, Reason: waffle.ByDraw, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "True", MaxAge: monthLong, Secure: true}}},
		{"the cookie keeps an earlier answer", func() { r.Cookie = in("dwf_my_flag", "False") },
			waffle.Decision{Reason: waffle.ByCookie, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "False", MaxAge: monthLong, Secure: true}}},
		{"in rollout mode a no is kept for the session alone", func() { f.Rollout = true },
			waffle.Decision{Reason: waffle.ByCookie, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "False", Secure: true}}},
		{"signed in, without a salt nothing changes", func() { r.User = "7" },
			waffle.Decision{Reason: waffle.ByCookie, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "False", Secure: true}}},
		{"with a salt the user is placed", func() { f.Salt = "salt" },
			waffle.Decision{Active: true, Reason: waffle.ByPlace, Cookie: &waffle.Cookie{Name: "dwf_my_flag", Value: "True", MaxAge: monthLong, Secure: true}}},
		{"group", func() { f.Groups, r.Groups = []string{"x", "g"}, []string{"g"} }, waffle.Decision{Active: true, Reason: waffle.ByGroup}},
		{"user", func() { f.Users = map[string]bool{"7": true} }, waffle.Decision{Active: true, Reason: waffle.ByUser}},
		{"superuser", func() { f.Superusers, r.Superuser = true, true }, waffle.Decision{Active: true, Reason: waffle.BySuperuser}},
		{"staff", func() { f.Staff, r.Staff = true, true }, waffle.Decision{Active: true, Reason: waffle.ByStaff}},
		{"authenticated", func() { f.Authenticated = true }, waffle.Decision{Active: true, Reason: waffle.ByAuthenticated}},
		{"language", func() { f.Languages, r.Language = waffle.Languages("en, fr"), "fr" }, waffle.Decision{Active: true, Reason: waffle.ByLanguage}},
		{"test cookie", func() { f.Testing, r.Cookie = true, in("dwft_my_flag", "False") }, waffle.Decision{Reason: waffle.ByTestCookie}},
		{"test header", func() { r.Header = in("Dwft-My-Flag", "1") },
			waffle.Decision{Active: true, Reason: waffle.ByTestHeader, Cookie: &waffle.Cookie{Name: "dwft_my_flag", Value: "True"}}},
		{"test query", func() { r.Query = in("dwft_my_flag", "0", "my_flag", "1") },
			waffle.Decision{Reason: waffle.ByTestQuery, Cookie: &waffle.Cookie{Name: "dwft_my_flag", Value: "False"}}},
		{"everyone on", func() { f.Everyone = truth(true) }, waffle.Decision{Active: true, Reason: waffle.ByEveryone}},
		{"everyone off", func() { f.Everyone = truth(false) }, waffle.Decision{Reason: waffle.ByEveryone}},
		{"override", func() { s.Override = true }, waffle.Decision{Active: true, Reason: waffle.ByOverride}},
		{"override off", func() { r.Query = in("my_flag", "True"); f.Everyone = truth(true) }, waffle.Decision{Reason: waffle.ByOverride}},
	} {
		step.setup()
		if diff := cmp.Diff(step.want, s.Decide(&f, &r)); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

// Each who is meant only by what the flag does not say is not meant.
func TestNotMeant(t *testing.T) {
	f := waffle.Flag{Name: "f", Superusers: true, Authenticated: true, Staff: true, Testing: true, Groups: []string{"g"}, Users: map[string]bool{"": true}, Languages: []string{"en"}}
	if d := (waffle.Settings{}).Decide(&f, &waffle.Request{Language: "de", Groups: []string{"h"}}); d.Active || d.Reason != waffle.ByNothing {
		t.Errorf("a stranger: %+v", d)
	}
	bare := waffle.Flag{Name: "f"}
	who := waffle.Request{User: "7", Staff: true, Superuser: true, Groups: []string{"g"}, Language: "en", Query: in("dwft_f", "1", "f", "1"), Cookie: in("dwft_f", "True", "dwf_f", "True"), Header: in("dwft-f", "1")}
	if d := (waffle.Settings{}).Decide(&bare, &who); d.Active || d.Cookie != nil {
		t.Errorf("a flag that is set to nothing: %+v", d)
	}
}

func TestReadOnlyDrawsNothing(t *testing.T) {
	f := waffle.Flag{Name: "f", Percent: 99.9}
	r := waffle.Request{ReadOnly: true}
	if d := (waffle.Settings{}).Decide(&f, &r); d.Active || d.Reason != waffle.ByNothing || d.Cookie != nil {
		t.Errorf("%+v", d)
	}
	r.Cookie = in("dwf_f", "True")
	if d := (waffle.Settings{}).Decide(&f, &r); !d.Active || d.Reason != waffle.ByCookie || d.Cookie != nil {
		t.Errorf("%+v", d)
	}
}

func TestMissingAndSettings(t *testing.T) {
	if d := (waffle.Settings{FlagDefault: true}).Missing(); !d.Active || d.Reason != waffle.ByMissing {
		t.Errorf("%+v", d)
	}
	f := waffle.Flag{Name: "f", Percent: 50}
	d := waffle.Settings{MaxAge: 60, Insecure: true}.Decide(&f, &waffle.Request{})
	if diff := cmp.Diff(&waffle.Cookie{Name: "dwf_f", Value: "True", MaxAge: 60}, d.Cookie); diff != "" {
		t.Error(diff)
	}
}

// Whoever is signed in has one answer on every device, shares are as promised, and a larger one only adds people.
func TestPlacedPeople(t *testing.T) {
	const people = 20_000
	count := map[float64]int{}
	for i := range people {
		before := false
		for _, percent := range []float64{0.1, 10, 50, 99.9} {
			f := waffle.Flag{Name: "f", Percent: percent, Salt: "salt"}
			phone := waffle.Settings{}.Decide(&f, &waffle.Request{User: fmt.Sprint("u", i), Draw: 0})
			laptop := waffle.Settings{}.Decide(&f, &waffle.Request{User: fmt.Sprint("u", i), Draw: 100, Cookie: in("dwf_f", "False")})
			if phone.Active != laptop.Active || before && !phone.Active {
				t.Fatalf("user %d at %v: %v on the phone, %v on the laptop, %v before", i, percent, phone.Active, laptop.Active, before)
			}
			if before = phone.Active; before {
				count[percent]++
			}
		}
	}
	for percent, n := range count {
		want := people * percent / 100
		if math.Abs(float64(n)-want) > 5*math.Sqrt(want*(1-percent/100))+2 {
			t.Errorf("at %v %% there are %d of %d", percent, n, people)
		}
	}
	other := 0
	a, b := waffle.Flag{Name: "f", Percent: 50, Salt: "a"}, waffle.Flag{Name: "f", Percent: 50, Salt: "b"}
	for i := range people {
		r := &waffle.Request{User: fmt.Sprint("u", i)}
		if (waffle.Settings{}).Decide(&a, r).Active == (waffle.Settings{}).Decide(&b, r).Active {
			other++
		}
	}
	if math.Abs(float64(other)-people/2) > 5*math.Sqrt(people/4) {
		t.Errorf("two salts agree for %d of %d", other, people)
	}
}

func TestSwitchesSamplesAndChecks(t *testing.T) {
	for draw, want := range map[float64]bool{0: true, 30: true, 30.01: false, 100: false} {
		if got := (waffle.Sample{Percent: 30}).Active(draw); got != want {
			t.Errorf("a draw of %v: %v", draw, got)
		}
	}
	if (waffle.Sample{}).Active(0) || !(waffle.Sample{Percent: 100}).Active(100) {
		t.Error("the ends")
	}
	for says, err := range map[string]error{
		"missing":       waffle.Switch{}.Check(),
		"101":           waffle.Switch{Name: strings.Repeat("é", 101)}.Check(),
		"0.0 to 99.9":   (&waffle.Flag{Name: "f", Percent: 100}).Check(),
		"0.0 to 100.0":  waffle.Sample{Name: "s", Percent: 100.1}.Check(),
		"from 0.0":      waffle.Sample{Name: "s", Percent: math.NaN()}.Check(),
		"one place":     (&waffle.Flag{Name: "f", Percent: 0.25}).Check(),
		"-1; it may be": (&waffle.Flag{Name: "f", Percent: -1}).Check(),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in %v", says, err)
		}
	}
	for _, err := range []error{waffle.Switch{Name: strings.Repeat("é", 100)}.Check(), (&waffle.Flag{Name: "f", Percent: 99.9}).Check(), waffle.Sample{Name: "s", Percent: 0.1}.Check()} {
		if err != nil {
			t.Error(err)
		}
	}
}
