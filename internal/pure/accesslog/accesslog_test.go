package accesslog_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/accesslog"
)

// read gives the entries of a log.
func read(t *testing.T, text string, o accesslog.Options) ([]accesslog.Entry, accesslog.Summary) {
	t.Helper()
	var all []accesslog.Entry
	s, err := accesslog.Read(strings.NewReader(text), o, func(e accesslog.Entry, _ string) { all = append(all, e) })
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}

func TestLinesAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		name, line string
		format     accesslog.Format
		want       accesslog.Entry
	}{
		{"common, Apache's manual", `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326`,
			accesslog.Combined, accesslog.Entry{Time: 971211336, Path: "/apache_pb.gif", Status: 200, Duration: -1}},
		{"combined, a quote in the agent", `203.0.113.9 - - [29/Nov/2026:00:00:01 +0100] "POST /cart/17?x=1 HTTP/2.0" 502 157 "https://shop.example/" "Mozilla \"5.0\" (X11) [de]"`,
			accesslog.Combined, accesslog.Entry{Time: 1795906801, Path: "/cart/17", Status: 502, Duration: -1}},
		{"nginx's main, with who was forwarded for", `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8" "198.51.100.7"`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Path: "/", Status: 200, Duration: -1}},
		{"nginx with request time and host", `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8" 0.123 web-1`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Path: "/a", Status: 200, Duration: 0.123, Host: "web-1"}},
		{"nginx with names", `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8" rt=0.250 uct="0.001" upstream=10.0.0.7:8080`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Path: "/a", Status: 200, Duration: 0.25, Host: "10.0.0.7:8080"}},
		{"Apache with a virtual host and %D", `shop.example:443 2001:db8::1 - - [29/Nov/2026:00:00:01 +0000] "GET /a HTTP/1.1" 503 299 "-" "ab" 41250`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Path: "/a", Status: 503, Duration: 0.04125, Host: "shop.example:443"}},
		{"Traefik's common format", `10.1.1.1 - - [29/Nov/2026:00:00:01 +0000] "GET /x HTTP/1.1" 500 21 "-" "-" 1234 "shop@docker" "http://172.17.0.3:80" 87ms`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Path: "/x", Status: 500, Duration: 0.087, Host: "172.17.0.3:80"}},
		{"bytes of TLS on the plain port", `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "\x16\x03\x01\x02\x00" 400 157 "-" "-"`,
			accesslog.Combined, accesslog.Entry{Time: 1795910401, Status: 400, Duration: -1}},
		{"nginx as JSON", `{"time_iso8601":"2026-11-29T00:00:01+00:00","remote_addr":"203.0.113.9","request_uri":"/p/1?q=\"a\"","status":"200","request_time":"0.031","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","release":"v41"}`,
			accesslog.JSON, accesslog.Entry{Time: 1795910401, Path: "/p/1", Status: 200, Duration: 0.031, Host: "10.0.0.2:80", Release: "v41"}},
		{"Caddy", `{"level":"info","ts":1795910401.646,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/a/b?c","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]},"tls":{"resumed":false,"version":772}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":500,"resp_headers":{"Server":["Caddy"]}}`,
			accesslog.JSON, accesslog.Entry{Time: 1795910401, Path: "/a/b", Status: 500, Duration: 0.000929675}},
		{"Traefik as JSON", `{"ClientAddr":"10.1.1.1:5","DownstreamStatus":404,"Duration":87000000,"RequestHost":"shop.example","RequestPath":"/x","ServiceAddr":"172.17.0.3:80","StartUTC":"2026-11-29T00:00:01.25Z","time":"2026-11-29T00:00:02Z","level":"info"}`,
			accesslog.JSON, accesslog.Entry{Time: 1795910401, Path: "/x", Status: 404, Duration: 0.087, Host: "172.17.0.3:80"}},
		{"ALB, of AWS's manual", `https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/some/path?x HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-"`,
			accesslog.ALB, accesslog.Entry{Time: 1530570180, Path: "/some/path", Status: 200, Duration: 0.171, Host: "10.0.0.1:80"}},
		{"ALB without a target", `http 2018-11-30T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 - -1 -1 -1 503 - 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn "Root=1" "-" "-" 0 2018-11-30T22:22:48.364000Z "forward" "-" "-" "-" "-" "-" "-"`,
			accesslog.ALB, accesslog.Entry{Time: 1543616580, Path: "/", Status: 503, Duration: -1}},
	} {
		all, s := read(t, c.line+"\r\n", accesslog.Options{})
		if len(all) != 1 || s.Format != c.format || len(s.Problems) > 0 {
			t.Errorf("%s: %+v", c.name, s)
			continue
		}
		all[0].Duration = float64(int(all[0].Duration*1e9+0.5)) / 1e9
		want := c.want
		want.Duration = float64(int(want.Duration*1e9+0.5)) / 1e9
		if diff := cmp.Diff(want, all[0]); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestKeysOfOnesOwn(t *testing.T) {
	o := accesslog.Options{Keys: map[string]string{"time": "at.ms", "status": "code", "release": "labels.version", "duration": "took_us"}}
	all, _ := read(t, `{"at":{"ms":1795910401999},"code":500,"status":200,"labels":{"version":"v2"},"took_us":1500,"path":"/"}`, o)
	if want := (accesslog.Entry{Time: 1795910401, Path: "/", Status: 500, Duration: 0.0015, Release: "v2"}); len(all) != 1 || all[0] != want {
		t.Errorf("%+v", all)
	}
	for _, o := range []accesslog.Options{{Keys: map[string]string{"colour": "x"}}, {Keys: map[string]string{"time": ""}}} {
		if o.Validate() == nil {
			t.Errorf("%v is taken", o.Keys)
		}
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

const good = `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8"`

// What cannot be read is counted under its reason, and what can be is read all the same.
func TestMalformedLinesAreCounted(t *testing.T) {
	text := strings.Join([]string{
		good, "", "rubbish", strings.Replace(good, "Nov", "Nev", 1), strings.Replace(good, "29/", "00/", 1), strings.Replace(good, " 200 ", " 2000 ", 1),
		strings.Replace(good, "/2026", "/0026", 1), good[:60], strings.Repeat("x", accesslog.MaxLine+1), good, strings.Replace(good, `"curl/8"`, `"`+strings.Repeat("y", accesslog.MaxLine-200)+`"`, 1), good,
	}, "\n")
	all, s := read(t, text, accesslog.Options{})
	if len(all) != 4 || s.Entries != 4 || s.Lines != 11 {
		t.Errorf("%d entries, %d, of %d lines", len(all), s.Entries, s.Lines)
	}
	got := map[string]int64{}
	for _, p := range s.Problems {
		got[p.Reason] = p.Lines
		if p.Line == 0 || p.Example == "" || len(p.Example) > 210 {
			t.Errorf("%+v", p)
		}
	}
	want := map[string]int64{"a line is not of the log's format": 2, "the time cannot be read": 3, "the status is none": 1, "a line is longer than 1 MiB": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoAccessLogIsRefused(t *testing.T) {
	_, err := accesslog.Read(strings.NewReader("root:x:0:0\nbin:x:1:1\n"), accesslog.Options{}, func(accesslog.Entry, string) {})
	if err == nil || !strings.Contains(err.Error(), "root:x:0:0") {
		t.Errorf("%v", err)
	}
	if _, s := read(t, "", accesslog.Options{}); s.Lines != 0 {
		t.Errorf("%+v", s)
	}
	if _, s := read(t, "starting up\n"+good+"\n", accesslog.Options{}); s.Entries != 1 || s.Problems[0].Line != 1 {
		t.Errorf("%+v", s)
	}
}

// The JSON of a line means what it means to everybody else.
func FuzzJSON(f *testing.F) {
	f.Add(`{"ts":1795910401.5,"status":500,"request":{"uri":"/a\u0062"},"duration":1e-3,"x":[1,{"y":null}],"hostname":"w\"1"}`)
	f.Add(`{"time":"2026-11-29T00:00:01Z","status":"200","status":"404"}`)
	f.Add(`{"ts":1e9999,"status":0}`)
	f.Fuzz(func(t *testing.T, line string) {
		var got *accesslog.Entry
		if _, err := accesslog.Read(strings.NewReader(line), accesslog.Options{}, func(e accesslog.Entry, _ string) { got = &e }); err != nil || got == nil || strings.ContainsAny(line, "\r\n") {
			return
		}
		sane(t, *got, line)
		var all map[string]any
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "{") {
			return
		}
		if err := json.Unmarshal([]byte(line), &all); err != nil {
			t.Fatalf("read from what is no JSON (%v): %s", err, line)
		}
		status, ok := all["status"]
		for _, other := range []string{"DownstreamStatus", "status_code", "http.response.status_code", "response.status", "response_status", "http", "response"} {
			if _, there := all[other]; there {
				return
			}
		}
		if n, isNumber := status.(float64); ok && isNumber && n != float64(got.Status) {
			if strings.Count(line, "status") == 1 {
				t.Fatalf("status %v read as %d: %s", n, got.Status, line)
			}
		}
	})
}

func sane(t *testing.T, e accesslog.Entry, line string) {
	t.Helper()
	if e.Status != 0 && (e.Status < 100 || e.Status > 999) || e.Time < 631152000 || e.Time > 7258118400 || !(e.Duration >= 0 || e.Duration == -1) ||
		e.Path != "" && e.Path[0] != '/' || strings.ContainsAny(e.Path, "?") || len(e.Host) > 255 {
		t.Fatalf("%+v from %s", e, line)
	}
}

// Whatever the lines are: each is either an entry or counted once, each entry can be, and reading ends.
func FuzzRead(f *testing.F) {
	f.Add(good + "\n" + good)
	f.Add(`https 2018-07-02T22:23:00.186641Z app 192.168.131.39:2817 10.0.0.1:80 0.086 NaN Inf 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl"`)
	f.Add(`a - - [29/Nov/2026:00:00:01 +0000] "GET /?x" 200 1 "\" [` + "\n\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		entries := int64(0)
		s, err := accesslog.Read(strings.NewReader(text), accesslog.Options{}, func(e accesslog.Entry, line string) {
			entries++
			sane(t, e, line)
			if !strings.Contains(text, line) {
				t.Fatalf("%q is no line of it", line)
			}
		})
		if err != nil {
			return
		}
		left := int64(0)
		for _, p := range s.Problems {
			left += p.Lines
		}
		lines := int64(0)
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimRight(line, "\r") != "" {
				lines++
			}
		}
		if s.Entries != entries || s.Lines != lines || entries+left != lines {
			t.Fatalf("%d entries, %d left out, %d lines: %+v", entries, left, lines, s)
		}
		// A line says the same whatever stands before it.
		again := int64(0)
		if s2, err := accesslog.Read(strings.NewReader(text+"\n"+text), accesslog.Options{}, func(accesslog.Entry, string) { again++ }); err == nil && s2.Format == s.Format && again < entries {
			t.Fatalf("%d entries, and of twice the text %d", entries, again)
		}
	})
}

// A time is the same in each of the ways to write it.
func FuzzTime(f *testing.F) {
	f.Add(int64(1795910401), int16(90))
	f.Fuzz(func(t *testing.T, second int64, zone int16) {
		if second < 631152000 || second >= 4102444800 || zone < -840 || zone > 840 {
			return
		}
		common, iso := stamps(second, zone)
		for _, line := range []string{
			`h - - [` + common + `] "GET / HTTP/1.1" 200 1`, `{"status":200,"time_iso8601":"` + iso + `"}`, `{"status":200,"time_local":"` + common + `"}`,
			`{"status":200,"ts":` + strconv.FormatInt(second, 10) + `.25}`, `{"status":200,"ts":` + strconv.FormatInt(second*1000, 10) + `}`,
		} {
			_, err := accesslog.Read(strings.NewReader(line), accesslog.Options{}, func(e accesslog.Entry, _ string) {
				if e.Time != second {
					t.Errorf("%s: %d, expected %d", line, e.Time, second)
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func stamps(second int64, zone int16) (common, iso string) {
	at := time.Unix(second, 0).In(time.FixedZone("", int(zone)*60))
	return at.Format("02/Jan/2006:15:04:05 -0700"), at.Format(time.RFC3339)
}

func BenchmarkRead(b *testing.B) {
	for name, line := range map[string]string{
		"combined": good + " 0.123 web-1\n",
		"json":     `{"time_iso8601":"2026-11-29T00:00:01+00:00","remote_addr":"203.0.113.9","request_uri":"/p/1","status":"200","request_time":"0.031","upstream_addr":"10.0.0.1:80"}` + "\n",
		"alb":      `https 2018-07-02T22:23:00.186641Z app/my/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/some/path?x HTTP/1.1" "curl/7.46.0" - - - "-" "-" "-" 1 2018 "forward"` + "\n",
	} {
		b.Run(name, func(b *testing.B) {
			const n = 1000
			text := strings.Repeat(line, n)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				entries := 0
				if _, err := accesslog.Read(strings.NewReader(text), accesslog.Options{}, func(accesslog.Entry, string) { entries++ }); err != nil || entries != n {
					b.Fatal(err, entries)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func ExampleRead() {
	log := `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET /cart/17?x=1 HTTP/1.1" 502 612 "-" "curl/8" 0.250`
	_, _ = accesslog.Read(strings.NewReader(log), accesslog.Options{}, func(e accesslog.Entry, _ string) {
		fmt.Println(e.Path, e.Status, e.Duration)
	})
	// Output: /cart/17 502 0.25
}
