package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/cli/words"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// exitNotJudged is the status of slipway judge and shadow when there is no verdict: the others stand for verdicts.
const exitNotJudged = 4

type judgeCmd struct {
	inApp
	Env     string   `help:"The environment of a rollout by number." env:"SLIPWAY_ENV" group:"Place"`
	Rollout string   `arg:"" optional:"" help:"A past rollout, by id or number: judged again from what was counted."`
	CSV     string   `name:"csv" placeholder:"FILE" help:"Counts from elsewhere instead: second,host,release,requests,errors and more, see the reference. - is standard input."`
	Alpha   float64  `help:"False rollbacks that are allowed. By default those of the rollout, and 0.05 for a file."`
	Margin  *float64 `help:"Harm that is tolerated: 0.1 is a tenth more. By default that of the rollout; for a file 0, and 0.2 for hosts that are not known from before."`
	RuleOut string   `name:"rule-out" placeholder:"2x" help:"The harm that healthy has to exclude. By default that of the rollout, and 2x for a file."`
	JSON    bool     `name:"json" help:"Print the result as JSON."`

	Settle time.Duration `group:"A file" placeholder:"90s" help:"Leave out a host for so long after it got the new release."`
	Share  string        `group:"A file" placeholder:"10%" help:"Part of the requests that was meant for the new release, where hosts run both. The split is then checked."`
	Rise   []string      `group:"A file" placeholder:"NAME" help:"A vital of your own of which a rise is harm. Of those not named, either direction is."`
	Drop   []string      `group:"A file" placeholder:"NAME" help:"A vital of your own of which a drop is harm."`
}

func (c *judgeCmd) Run(p *program) error {
	if err := c.check(); err != nil {
		return &status{code: exitNotJudged, text: err.Error()}
	}
	result, was, err := c.judge(p)
	if err != nil {
		return &status{code: exitNotJudged, text: err.Error()}
	}
	if c.JSON {
		err = p.printJSON(result)
	} else {
		err = c.tell(p, result, was)
	}
	if err != nil {
		return &status{code: exitNotJudged, text: err.Error()}
	}
	codes := map[judge.Outcome]int{judge.Healthy: 0, judge.Regressed: 1, judge.Unknown: 2, judge.WrongSplit: 3}
	return &status{code: codes[result.Verdict]}
}

// check looks at what the server would refuse in other words.
func (c *judgeCmd) check() error {
	if c.Rollout == "" { // of a file all mistakes are told at once, with those in it
		return nil
	}
	if !(c.Alpha >= 0 && c.Alpha <= 0.5) {
		return fmt.Errorf("--alpha %g: write a chance above 0 and at most 0.5, such as 0.01", c.Alpha)
	}
	if c.Margin != nil && !(*c.Margin >= 0 && *c.Margin <= 1) {
		return fmt.Errorf("--margin %g: write a part from 0 to 1; 0.1 is a tenth more", *c.Margin)
	}
	return nil
}

// judge gives the verdict on a rollout, with what came of it at its time, or on a file.
func (c *judgeCmd) judge(p *program) (r replay.Result, was string, err error) {
	ruleOut := 0.0
	if c.RuleOut != "" {
		if ruleOut, err = strconv.ParseFloat(strings.TrimSuffix(c.RuleOut, "x"), 64); err != nil {
			return r, "", fmt.Errorf("--rule-out %q: write 2x for a doubling", c.RuleOut)
		}
	}
	switch {
	case c.CSV == "" && c.Rollout == "":
		return r, "", errors.New("name a rollout, or a file by --csv")
	case c.CSV != "" && c.Rollout != "":
		return r, "", errors.New("name a rollout or a file, not both")
	case c.CSV != "":
		r, err = c.file(p, ruleOut)
		return r, "", err
	case c.Settle != 0 || c.Share != "" || len(c.Rise)+len(c.Drop) > 0:
		return r, "", errors.New("--settle, --share, --rise and --drop are for a file: of a rollout they are known")
	}
	return c.again(p, ruleOut)
}

// again asks the server to judge a rollout again.
func (c *judgeCmd) again(p *program, ruleOut float64) (r replay.Result, was string, err error) {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return r, "", err
	}
	defer client.Close()
	id, err := rolloutID(p, client, app, c.Env, c.Rollout)
	if err != nil {
		return r, "", err
	}
	query := url.Values{}
	set := func(name string, value float64, given bool) {
		if given {
			query.Set(name, strconv.FormatFloat(value, 'g', -1, 64))
		}
	}
	set("alpha", c.Alpha, c.Alpha != 0)
	set("rule_out", ruleOut, ruleOut != 0)
	if c.Margin != nil {
		set("margin", *c.Margin, true)
	}
	verdict, err := client.Verdict(p.ctx, app, id, query)
	if err != nil {
		return r, "", err
	}
	if err := json.Unmarshal(verdict, &r); err != nil {
		return r, "", fmt.Errorf("read the verdict: %w", err)
	}
	then, err := client.Rollout(p.ctx, app, id)
	return r, fmt.Sprintf("At its time the verdict was %s, and the release was %s.", then.Value.Verdict, strings.ReplaceAll(then.Value.State, "_", " ")), err
}

// file judges counts from elsewhere.
func (c *judgeCmd) file(p *program, ruleOut float64) (r replay.Result, err error) {
	o := replay.Options{Alpha: c.Alpha, Margin: -1, RuleOut: ruleOut, Settle: int64(c.Settle / time.Second), Rise: c.Rise, Drop: c.Drop}
	if c.Margin != nil {
		o.Margin = *c.Margin
	}
	if c.Share != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(c.Share, "%"), 64)
		if err != nil || !(percent > 0 && percent < 100) {
			return r, fmt.Errorf("--share %q: write a part like 10%%, above 0%% and below 100%%", c.Share)
		}
		o.Share = percent / 100
	}
	in, name := p.stdin, "standard input"
	if c.CSV != "-" {
		f, err := os.Open(c.CSV)
		if err != nil {
			return r, fmt.Errorf("read the counts: %w", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, c.CSV
	}
	table, err := replay.Read(in)
	if err != nil {
		return r, fmt.Errorf("%s cannot be judged:\n%w", name, err)
	}
	return replay.Judge(table, o)
}

// tell prints the verdict for people, and what was said at its time, if anything.
func (c *judgeCmd) tell(p *program, r replay.Result, was string) error {
	said := map[judge.Outcome]string{
		judge.Healthy: "Healthy", judge.Regressed: "Regressed", judge.Unknown: "Unknown", judge.WrongSplit: "The split is wrong",
	}
	at, judged := fmt.Sprintf("second %d", r.AtSecond), fmt.Sprintf("Seconds: %d before, %d judged, %d left out for want of one release. Rows said twice: %d.", r.Before, r.Judged, r.LeftOut, r.Repeated)
	if was != "" { // each edge counts its own seconds, and there may be several
		at = time.Unix(r.AtSecond, 0).Format("2006-01-02 15:04:05")
		judged = fmt.Sprintf("Seconds of edges: %s judged, %s left out for want of one release.", judge.Commas(r.Judged), judge.Commas(r.LeftOut))
	}
	p.say("%s, at %s.", said[r.Verdict], at)
	if was != "" {
		p.say("%s", was)
	}
	for _, reason := range r.Reasons {
		p.say("  %s", reason)
	}
	p.say("")
	rows := make([][]any, 0, len(r.Vitals))
	for _, e := range r.Vitals {
		rate := words.Percent
		if e.Name == judge.VisitorErrors {
			rate = func(n float64) string { return fmt.Sprintf("%.1f each", n) }
		}
		rows = append(rows, []any{e.Name, e.Outcome, rate(e.RateNew), rate(e.RateOld), words.Times(e.RatioEstimate), words.Times(e.RatioLow), words.Times(e.RatioHigh),
			fmt.Sprintf("%s to 1, acts at %s", words.Odds(e.Peak), words.Odds(e.Threshold))})
	}
	if err := p.table("VITAL SAYS NEW OLD RATIO FROM TO EVIDENCE", rows); err != nil {
		return err
	}
	p.say("\nSplit by %s; alpha %g, margin %g, rules out %gx. %s", r.SplitBy, r.Alpha, r.Margin, r.RuleOut, judged)
	return nil
}
