package cli

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// exitNotJudged is the status of slipway judge when there is no verdict: the others stand for verdicts.
const exitNotJudged = 4

type judgeCmd struct {
	CSV     string        `name:"csv" required:"" placeholder:"FILE" help:"Counts: second,host,release,requests,errors and more, see the reference. - is standard input."`
	Alpha   float64       `default:"0.05" help:"False rollbacks that are allowed, per rollout."`
	Margin  float64       `default:"-1" help:"Harm that is tolerated: 0.1 is a tenth more. By default 0, and 0.2 for hosts that are not known from before."`
	RuleOut string        `name:"rule-out" default:"2x" help:"The harm that healthy has to exclude."`
	Settle  time.Duration `default:"0s" help:"Leave out a host for so long after it got the new release."`
	Share   string        `help:"Part of the requests that was meant for the new release, where hosts run both: 10%. The split is then checked."`
	Rise    []string      `placeholder:"NAME" help:"A vital of your own of which a rise is harm. Of those not named, either direction is."`
	Drop    []string      `placeholder:"NAME" help:"A vital of your own of which a drop is harm."`
	JSON    bool          `name:"json" help:"Print the result as JSON."`
}

func (c *judgeCmd) Run(p *program) error {
	result, err := c.judge(p)
	if err != nil {
		return &status{code: exitNotJudged, text: err.Error()}
	}
	if c.JSON {
		err = p.printJSON(result)
	} else {
		err = c.tell(p, result)
	}
	if err != nil {
		return &status{code: exitNotJudged, text: err.Error()}
	}
	codes := map[judge.Outcome]int{judge.Healthy: 0, judge.Regressed: 1, judge.Unknown: 2, judge.WrongSplit: 3}
	return &status{code: codes[result.Verdict]}
}

func (c *judgeCmd) judge(p *program) (r replay.Result, err error) {
	o := replay.Options{Alpha: c.Alpha, Margin: c.Margin, Settle: int64(c.Settle / time.Second), Rise: c.Rise, Drop: c.Drop}
	if o.RuleOut, err = strconv.ParseFloat(strings.TrimSuffix(c.RuleOut, "x"), 64); err != nil {
		return r, fmt.Errorf("--rule-out %q: write 2x for a doubling", c.RuleOut)
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

// tell prints the verdict for people.
func (c *judgeCmd) tell(p *program, r replay.Result) error {
	words := map[judge.Outcome]string{
		judge.Healthy: "Healthy", judge.Regressed: "Regressed", judge.Unknown: "Unknown", judge.WrongSplit: "The split is wrong",
	}
	p.say("%s, at second %d.", words[r.Verdict], r.AtSecond)
	for _, reason := range r.Reasons {
		p.say("  %s", reason)
	}
	p.say("")
	rows := make([][]any, 0, len(r.Vitals))
	for _, e := range r.Vitals {
		rows = append(rows, []any{e.Name, e.Outcome, percent(e.RateNew), percent(e.RateOld), times(e.RatioEstimate), times(e.RatioLow), times(e.RatioHigh),
			fmt.Sprintf("%.3g of %.3g", math.Pow(10, e.Peak), math.Pow(10, e.Threshold))})
	}
	if err := p.table("VITAL SAYS NEW OLD RATIO FROM TO EVIDENCE", rows); err != nil {
		return err
	}
	p.say("\nSplit by %s; alpha %g, margin %g. Seconds: %d before, %d judged, %d left out for want of one release. Rows said twice: %d.",
		r.SplitBy, r.Alpha, r.Margin, r.Before, r.Judged, r.LeftOut, r.Repeated)
	return nil
}

// times is a ratio, - where it is not known.
func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}
