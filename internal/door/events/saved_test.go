package events_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
)

const savedPath = "/v1/apps/shop/events/saved"

func TestQuestionsAreSavedAndAsked(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	w.tell("shop", "u1 viewed", "u1 paid", "u2 viewed")
	const own = `{"name":"By name","kind":"sql","question":{"sql":"SELECT name, count(*) AS n FROM events GROUP BY 1 ORDER BY 1"}}`
	refused(t, w.do("POST", savedPath, vera, own), http.StatusForbidden)
	for body, status := range map[string]int{
		`{"name":"","kind":"sql","question":{"sql":"SELECT 1"}}`:             http.StatusUnprocessableEntity,
		`{"name":"a","kind":"top","question":{"sql":"SELECT 1"}}`:            http.StatusUnprocessableEntity,
		`{"name":"a","kind":"trend","question":{"last":"7d","measure":"x"}}`: http.StatusUnprocessableEntity,
		`{"name":"a","kind":"trend","question":"x"}`:                         http.StatusUnprocessableEntity,
		`{"name":"a","kind":"trend"}`:                                        http.StatusUnprocessableEntity,
	} {
		refused(t, w.do("POST", savedPath, dan, body), status)
	}
	var q question.SavedQuestion
	made := w.do("POST", savedPath, dan, own)
	made.into(t, &q)
	if made.Header.Get("ETag") != `"1"` || q.SavedBy != "person:dan" || q.Name != "By name" || q.Kind != "sql" {
		t.Errorf("%+v, %s", q, made.Header.Get("ETag"))
	}
	refused(t, w.do("POST", savedPath, dan, own), http.StatusConflict)
	one := savedPath + "/" + q.ID

	ask := func(path string) string {
		var a events.Answer
		w.do("POST", path+"/ask", vera, `{}`).into(t, &a)
		return fmt.Sprint(a.Rows)
	}
	if rows := ask(one); rows != "[[paid 1] [viewed 2]]" {
		t.Errorf("asked: %s", rows)
	}
	const kept = `{"name":"Payers","kind":"funnel","question":{"from":"2026-11-29T00:00:00Z","to":"2026-11-30T00:00:00Z","steps":[{"event":"viewed"},{"event":"paid"}]}}`
	refused(t, w.do("PUT", one, dan, kept), http.StatusPreconditionRequired)
	refused(t, w.do("PUT", one, vera, kept, "If-Match", `"1"`), http.StatusForbidden)
	changed := w.do("PUT", one, dan, kept, "If-Match", made.Header.Get("ETag"))
	changed.into(t, &q)
	if changed.Header.Get("ETag") != `"2"` || q.Name != "Payers" || q.Kind != "funnel" {
		t.Errorf("%+v, %s", q, changed.Header.Get("ETag"))
	}
	refused(t, w.do("PUT", one, dan, own, "If-Match", `"1"`), http.StatusPreconditionFailed)
	if rows := ask(one); rows != "[[1 2 <nil>] [2 1 60]]" {
		t.Errorf("asked: %s", rows)
	}
	var list api.List[question.SavedQuestion]
	w.do("GET", savedPath, vera, "").into(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != q.ID {
		t.Errorf("%+v", list)
	}

	refused(t, w.do("DELETE", one, dan, ""), http.StatusPreconditionRequired)
	refused(t, w.do("DELETE", one, vera, "", "If-Match", `"2"`), http.StatusForbidden)
	refused(t, w.do("DELETE", one, dan, "", "If-Match", `"1"`), http.StatusPreconditionFailed)
	refused(t, w.do("DELETE", one, dan, "", "If-Match", `"2"`), http.StatusNoContent)
	refused(t, w.do("GET", one, vera, ""), http.StatusNotFound)
	refused(t, w.do("POST", one+"/ask", vera, `{}`), http.StatusNotFound)
	refused(t, w.do("GET", "/v1/apps/none/events/saved", adminToken, ""), http.StatusNotFound)
}

// What somebody types, saves or takes as a file is asked with no other rights than to read the events: PostgreSQL would let the server's own role do more.
func TestQuestionsOfPeopleReadEventsAlone(t *testing.T) {
	engine, err := pg.Open(t.Context(), pg.Options{URL: dbtest.PostgresURL(t), Secret: []byte("of the test")})
	if err != nil {
		t.Fatal(err)
	}
	w := openOn(t, engine)
	w.tell("shop", "u1 viewed")
	save := func(name, sql string) string {
		var q question.SavedQuestion
		w.do("POST", savedPath, adminToken, `{"name":"`+name+`","kind":"sql","question":{"sql":"`+sql+`"}}`).into(t, &q)
		return savedPath + "/" + q.ID + "/ask"
	}
	const sound, foul = "SELECT count(*) FROM events", "SELECT pg_read_file('/etc/passwd')"
	for path, sql := range map[string][2]string{
		"/v1/apps/shop/events/sql": {`{"sql":"` + sound + `"}`, `{"sql":"` + foul + `"}`}, "/v1/apps/shop/events/sql/parquet": {`{"sql":"` + sound + `"}`, `{"sql":"` + foul + `"}`},
	} {
		refused(t, w.do("POST", path, adminToken, sql[0]), http.StatusOK)
		refused(t, w.do("POST", path, adminToken, sql[1]), http.StatusUnprocessableEntity)
	}
	refused(t, w.do("POST", save("sound", sound), adminToken, `{}`), http.StatusOK)
	refused(t, w.do("POST", savedPath, adminToken, `{"name":"foul","kind":"sql","question":{"sql":"`+foul+`"}}`), http.StatusUnprocessableEntity)
	before, err := question.New(w.db).Save(t.Context(), "test", "shop", "", question.SavedQuestion{Name: "foul", Kind: "sql", Question: []byte(`{"sql":"` + foul + `"}`)}) // by a program that let it pass
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.do("POST", savedPath+"/"+before.ID+"/ask", adminToken, `{}`), http.StatusUnprocessableEntity)
	wrong(t, w)
	var known events.KnownPerson
	w.do("GET", "/v1/apps/shop/events/people/u1", adminToken, "").into(t, &known)
	if known.Events != 1 || known.Failed != 0 || !known.First.Equal(noon) {
		t.Errorf("%+v", known)
	}
}

// wrong tries to save what cannot be asked.
func wrong(t *testing.T, w *world) {
	t.Helper()
	for _, sql := range []string{"DELETE FROM events", "DROP TABLE events", "SELECT 1; SELECT 2", "SELEC 1", "COPY events TO 'x'", "SELECT nothing FROM events", "SELECT * FROM orders", "SET threads = 1"} {
		r := w.do("POST", savedPath, adminToken, `{"name":"wrong","kind":"sql","question":{"sql":"`+sql+`"}}`)
		refused(t, r, http.StatusUnprocessableEntity)
		if !strings.Contains(string(r.body), "what is saved is one SELECT that can be asked") || !strings.Contains(string(r.body), "body.question.sql") {
			t.Errorf("%s: %s", sql, r.body)
		}
	}
}

func TestWhatCannotBeAskedIsNotSaved(t *testing.T) {
	w := open(t)
	wrong(t, w)
	var q question.SavedQuestion
	made := w.do("POST", savedPath, adminToken, `{"name":"right","kind":"sql","question":{"sql":"WITH a AS (SELECT 1 AS x) SELECT x FROM a -- one\n;"}}`)
	made.into(t, &q)
	refused(t, w.do("PUT", savedPath+"/"+q.ID, adminToken, `{"name":"right","kind":"sql","question":{"sql":"DROP TABLE events"}}`, "If-Match", made.Header.Get("ETag")), http.StatusUnprocessableEntity)
}
