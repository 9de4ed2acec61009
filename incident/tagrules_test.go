package incident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// with is an alert about e, to whose evidence the source gave these tags.
func with(e alert.Entity, tags ...string) alert.Alert {
	a := newAlert(1, alert.Low, "d1")
	a.Evidence = append(a.Evidence, alert.Evidence{Entity: e, Tags: tags})
	return a
}

// Each default rule for assets has an asset of just its classification, and one that narrowly is not. A rule whose
// name is the only tag it knows is tried with that.
func TestDefaultAssetRules(t *testing.T) {
	user := func(sid, account, upn string) alert.Entity {
		return alert.User{SID: sid, Domain: "CONTOSO", Account: account, UPN: upn}
	}
	azure := func(rest string) alert.Entity {
		return alert.CloudResource{ID: "/subscriptions/7/resourceGroups/Prod/providers/" + rest}
	}
	amazon := func(id string) alert.Entity {
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: id}
	}
	google := func(id string) alert.Entity {
		return alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: id}
	}
	device := alert.Device{DeviceID: "d2"}
	const domain = "S-1-5-21-1004336348-1177238915-682003330"
	cases := map[string]struct{ is, not alert.Alert }{
		"Domain Controller":                  {with(device, "DomainController"), with(device, "Domain Controllers' neighbour")},
		"ADCS":                               {with(device, "AD CS"), with(device, "ADC")},
		"ADFS":                               {with(device, "ad fs"), with(device, "DFS")},
		"Microsoft Entra ID Connect":         {with(device, "EntraConnectServer"), with(device, "Entra")},
		"VMware ESXi":                        {with(device, "ESXi"), with(device, "VMware")},
		"VMware vCenter":                     {with(device, "vCenter"), with(device, "VMware Center")},
		"Hyper-V Server":                     {with(device, "Hyper-V"), with(device, "Hyper")},
		"High Value Asset":                   {with(device, "High value asset"), with(device, "Low value asset")},
		"Backup":                             {with(device, "backup server"), with(device, "backed up")},
		"Exchange":                           {with(device, "Exchange Server"), with(device, "Exchange client")},
		"SCCM":                               {with(device, "SCCM"), with(device, "CCM")},
		"SharePoint Server":                  {with(device, "SharePoint"), with(device, "Share point")},
		"WSUS Server":                        {with(device, "WSUS"), with(device, "SUS")},
		"DNS":                                {with(device, "DNS Server"), with(device, "DNS client")},
		"Built-in Administrator":             {with(user(domain+"-500", "root", "")), with(user(domain+"-1500", "root", ""))},
		"krbtgt":                             {with(user("", "KRBTGT", "")), with(user("", "krbtgt_backup", ""))},
		"Domain Administrator":               {with(alert.User{SID: domain + "-512"}), with(alert.User{SID: domain + "-513"})},
		"Schema Administrator":               {with(alert.User{SID: domain + "-518"}), with(alert.User{SID: "S-1-5-22-1-518"})},
		"Enterprise Administrator":           {with(alert.User{UPN: "eve"}, "enterprise admins"), with(alert.User{UPN: "eve"}, "enterprise")},
		"Server Operators":                   {with(alert.User{SID: "S-1-5-32-549"}), with(alert.User{SID: "S-1-5-32-5490"})},
		"Backup Operators":                   {with(alert.User{SID: "S-1-5-32-551"}), with(alert.User{SID: "X-S-1-5-32-551"})},
		"Directory Synchronization Accounts": {with(user("", "", "Sync_SRV1_0a1b@contoso.onmicrosoft.com")), with(user("", "", "Sync_SRV1_0a1b@contoso.com"))},
		"Global Administrator":               {with(alert.User{UPN: "eve"}, "Company Administrator"), with(alert.User{UPN: "eve"}, "Company")},
		"Identity with Privileged Role":      {with(alert.User{UPN: "eve"}, "Privileged Account"), with(alert.User{UPN: "eve"}, "Account")},
		"Azure Key Vault":                    {with(azure("Microsoft.KeyVault/vaults/Payroll")), with(azure("Microsoft.KeyVaults/vaults/Payroll"))},
		"AWS KMS Key":                        {with(amazon("arn:aws-us-gov:kms:us-east-1:111122223333:key/0a1b")), with(amazon("arn:aws:kms:us-east-1:111122223333:alias/0a1b"))},
		"AWS Secrets Manager Secret":         {with(amazon("arn:aws:secretsmanager:us-east-1:111122223333:secret:db-x")), with(amazon("arn:aws:s3:us-east-1:111122223333:secret:db-x"))},
		"Google Cloud KMS Key": {with(google("//cloudkms.googleapis.com/projects/p/locations/eu/keyRings/r/cryptoKeys/k")),
			with(google("//cloudkms.googleapis.com/projects/p/locations/eu"))},
		"Google Secret Manager Secret":  {with(google("//secretmanager.googleapis.com/projects/p/secrets/s")), with(google("//secretmanager.googleapis.com/projects/p"))},
		"Databases with Sensitive Data": {with(azure("Microsoft.Sql/servers/s/databases/d"), "Database with sensitive data"), with(azure("Microsoft.Sql/servers/s/databases/d"), "Database")},
		"Kubernetes Cluster":            {with(azure("Microsoft.ContainerService/managedClusters/aks1")), with(azure("Microsoft.ContainerService/fleets/f1"))},
	}
	levels := map[alert.Criticality]int{}
	for _, rule := range incident.DefaultTagRules().Assets {
		c, ok := cases[rule.Name]
		if !ok {
			require.Equal(t, []string{rule.Name}, rule.Tags)
			require.Empty(t, rule.Keys)
			c.is, c.not = with(device, " "+rule.Name, strings.ToUpper(rule.Name)), with(device, " "+rule.Name)
		}
		delete(cases, rule.Name)
		levels[rule.Criticality]++
		got := incident.DefaultTagRules().Apply(c.is)
		assert.Equal(t, []alert.Tag{{Name: rule.Name, Kind: alert.CriticalAsset}}, got.SystemTags, rule.Name)
		assert.Equal(t, rule.Criticality, got.Evidence[1].Criticality, rule.Name)
		assert.Equal(t, alert.NotCritical, got.Evidence[0].Criticality, rule.Name)
		assert.Equal(t, c.not, incident.DefaultTagRules().Apply(c.not), rule.Name)
	}
	assert.Empty(t, cases, "no such rules")
	assert.Len(t, levels, 4, "all levels are used")
}

// Each default rule for alerts has an alert with just its tag, and one that narrowly has not.
func TestDefaultAlertRules(t *testing.T) {
	title := func(text string) (a alert.Alert) { a.Title = text; return a }
	sensor := func(text string) (a alert.Alert) { a.DetectionSource = text; return a }
	cases := []struct {
		is, not alert.Alert
		want    string
		kind    alert.TagKind
	}{
		{title("Possible RANSOMWARE activity"), title("Possible ransom activity"), "Ransomware", alert.AttackType},
		{alert.Alert{Category: "Ransomware"}, alert.Alert{Category: "Malware"}, "Ransomware", alert.AttackType},
		{alert.Alert{ThreatFamily: "Ransom:Win32/LockBit"}, alert.Alert{ThreatFamily: "Trojan:Win32/Ransom"}, "Ransomware", alert.AttackType},
		{alert.Alert{Threat: "a ransomware"}, alert.Alert{Product: "a ransomware"}, "Ransomware", alert.AttackType},
		{title("Mail of a BEC financial fraud campaign"), title("Quebec financial fraud campaign"), "BEC fraud", alert.AttackType},
		{title("Phishing page took credentials"), title("Phishing mail delivered"), "Credential phishing", alert.AttackType},
		{title("User disabled (attack disruption)"), title("User disabled (attack)"), "Attack Disruption", alert.AutomaticAction},
		{sensor("automatedInvestigation"), sensor("automatedInvestigations"), "Automated investigation", alert.AutomaticAction},
		{sensor("microsoftThreatExperts"), sensor("microsoftDefenderForEndpoint"), "Defender Experts", alert.Experts},
	}
	seen := map[string]bool{}
	for _, c := range cases {
		want := alert.Tag{Name: c.want, Kind: c.kind}
		assert.Equal(t, []alert.Tag{want}, incident.DefaultTagRules().Apply(c.is).SystemTags)
		assert.Equal(t, c.not, incident.DefaultTagRules().Apply(c.not), c.want)
		seen[c.want] = true
	}
	for _, rule := range incident.DefaultTagRules().Alerts {
		assert.True(t, seen[rule.Tag.Name], rule.Tag.Name)
		assert.True(t, slices.ContainsFunc(cases, func(c struct {
			is, not alert.Alert
			want    string
			kind    alert.TagKind
		}) bool {
			return incident.TagRules{Alerts: []incident.AlertRule{rule}}.Apply(c.is).SystemTags != nil
		}), "no case for %v", rule)
	}
}

// Who takes the default and appends has lists of their own.
func TestDefaultTagRulesAreValidAndEverybodysOwn(t *testing.T) {
	r := incident.DefaultTagRules()
	require.NoError(t, r.Validate())
	r.Assets[0].Tags[0], r.Alerts[0].Titles[0] = "changed", "changed"
	assert.NotEqual(t, r.Assets[0], incident.DefaultTagRules().Assets[0])
	assert.NotEqual(t, r.Alerts[0], incident.DefaultTagRules().Alerts[0])

	text, err := json.Marshal(r)
	require.NoError(t, err)
	var again incident.TagRules
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, r, again)
}

// An asset has the highest criticality of its classifications and brings all of them, each once; what is no asset
// brings none; lists of a rule must all match, and within a list any pattern may.
func TestHowRulesCombine(t *testing.T) {
	r := incident.TagRules{
		Assets: []incident.AssetRule{
			{Name: " Crown\tjewels ", Criticality: alert.VeryHighCriticality, Keys: []string{"host:pay*.contoso.com", "*:d9"}},
			{Name: "servers", Criticality: alert.LowCriticality, Tags: []string{"server"}},
			{Name: "SERVERS", Criticality: alert.MediumCriticality, Keys: []string{"*SRV*"}},
			{Name: "bad hash", Criticality: alert.LowCriticality, Keys: []string{"sha256:*", "*bad*"}},
		},
		Alerts: []incident.AlertRule{
			{Tag: alert.Tag{Name: "Wipers", Kind: alert.AttackType}, Titles: []string{"*wiper*", "*erase*"}, Categories: []string{"impact"}, Threats: []string{"*wipe*"}},
			{Tag: alert.Tag{Name: "servers", Kind: alert.AttackType}, DetectionSources: []string{"*"}},
		},
	}
	require.NoError(t, r.Validate())
	a := alert.Alert{Title: "Disk erased", Category: "Impact", ThreatFamily: "WipeOut", Evidence: []alert.Evidence{
		{Entity: alert.Device{DNSName: "PAY1-srv.contoso.com"}, Tags: []string{"Server"}},
		{Entity: alert.Device{DeviceID: "D9"}},
		{Entity: alert.File{SHA256: "bad"}, Tags: []string{"server"}, Criticality: alert.HighCriticality},
		{Entity: nil, Tags: []string{"server"}},
	}}
	got := r.Apply(a)
	assert.Equal(t, []alert.Tag{{Name: "Crown jewels", Kind: alert.CriticalAsset}, {Name: "SERVERS", Kind: alert.CriticalAsset}, {Name: "Wipers", Kind: alert.AttackType}}, got.SystemTags)
	var levels []alert.Criticality
	for _, e := range got.Evidence {
		levels = append(levels, e.Criticality)
	}
	assert.Equal(t, []alert.Criticality{alert.VeryHighCriticality, alert.VeryHighCriticality, alert.NotCritical, alert.NotCritical}, levels)

	for _, change := range []func(*alert.Alert){
		func(a *alert.Alert) { a.Title = "Disk read" }, func(a *alert.Alert) { a.Category = "" }, func(a *alert.Alert) { a.ThreatFamily = "" },
	} {
		b := a
		change(&b)
		assert.NotContains(t, r.Apply(b).SystemTags, alert.Tag{Name: "Wipers", Kind: alert.AttackType})
	}
}

// All that is wrong is told at once, by the place of the entry; what is wrong is left out, and the rest applies.
func TestRulesThatAreNotValid(t *testing.T) {
	kind := func(k alert.TagKind) alert.Tag { return alert.Tag{Name: "x", Kind: k} }
	any := []string{"*"}
	r := incident.TagRules{
		Assets: []incident.AssetRule{
			{Name: "good", Criticality: alert.LowCriticality, Keys: any},
			{Name: " \t", Criticality: alert.LowCriticality, Keys: any},
			{Name: strings.Repeat("ä", incident.MaxTag+1), Criticality: alert.LowCriticality, Keys: any},
			{Name: "a\xff", Criticality: alert.LowCriticality, Keys: any},
			{Name: "none", Keys: any},
			{Name: "beyond", Criticality: alert.VeryHighCriticality + 1, Keys: any},
			{Name: "nothing", Criticality: alert.LowCriticality},
			{Name: "empty", Criticality: alert.LowCriticality, Keys: []string{"*", " "}, Tags: []string{"\xff"}},
		},
		Alerts: []incident.AlertRule{
			{Tag: alert.Tag{Name: "good too", Kind: alert.Experts}, Titles: any},
			{Tag: kind(alert.Custom), Titles: any},
			{Tag: kind(alert.SystemTag), Titles: any},
			{Tag: kind(alert.CriticalAsset + 1), Titles: any},
			{Tag: alert.Tag{Kind: alert.Experts}, Titles: any},
			{Tag: kind(alert.Experts)},
			{Tag: kind(alert.Experts), Titles: []string{""}, Categories: []string{""}, DetectionSources: []string{""}, Threats: []string{"x", strings.Repeat("x", incident.MaxName+1)}},
		},
	}
	err := r.Validate()
	require.ErrorIs(t, err, alert.ErrInvalid)
	var fields []string
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		problem, ok := errors.AsType[*alert.FieldError](err)
		require.True(t, ok)
		assert.Equal(t, "tag rules", problem.Record)
		fields = append(fields, problem.Field)
	}
	assert.Equal(t, []string{
		"assets[1].name", "assets[2].name", "assets[3].name", "assets[4].criticality", "assets[5].criticality", "assets[6]", "assets[7].keys[1]", "assets[7].tags[0]",
		"alerts[1].tag.kind", "alerts[2].tag.kind", "alerts[3].tag.kind", "alerts[4].tag.name", "alerts[5]",
		"alerts[6].categories[0]", "alerts[6].detectionSources[0]", "alerts[6].threats[1]", "alerts[6].titles[0]",
	}, fields)
	assert.Equal(t, []alert.Tag{{Name: "good", Kind: alert.CriticalAsset}, {Name: "good too", Kind: alert.Experts}}, r.Apply(newAlert(1, alert.Low, "d")).SystemTags)
	assert.NoError(t, incident.TagRules{}.Validate())
}

func TestTooManyRules(t *testing.T) {
	var r incident.TagRules
	for n := range incident.MaxTagRules + 1 {
		r.Assets = append(r.Assets, incident.AssetRule{Name: fmt.Sprint("asset ", n), Criticality: alert.LowCriticality, Keys: []string{fmt.Sprint("device:d", n)}})
		r.Alerts = append(r.Alerts, incident.AlertRule{Tag: alert.Tag{Name: fmt.Sprint("alert ", n), Kind: alert.Experts}, Titles: []string{fmt.Sprint("Alert ", n)}})
	}
	err := r.Validate()
	for _, field := range []string{"assets", "alerts"} {
		problem, ok := errorFor(err, field)
		require.True(t, ok, field)
		assert.Equal(t, "1001", problem.Value)
	}
	last, beyond := newAlert(incident.MaxTagRules-1, alert.Low, "d999"), newAlert(incident.MaxTagRules, alert.Low, "d1000")
	assert.Len(t, r.Apply(last).SystemTags, 2)
	assert.Empty(t, r.Apply(beyond).SystemTags, "rules above the limit are left out")
	r.Assets, r.Alerts = r.Assets[1:], r.Alerts[1:]
	assert.NoError(t, r.Validate())
}

// Apply gives what the rules say and nothing that was there before; doing it again changes nothing; what it was
// given stays as it was; and the order of the rules does not matter.
func TestApplyingRules(t *testing.T) {
	pattern := rapid.SampledFrom([]string{"device:d1", "device:*", "*:U1", "upn:*1", "UPN:*1", "*1*1*", "d*1", "*a*", "Ü", "*", "siem", "t?"})
	rules := func(t *rapid.T) (r incident.TagRules) {
		some := func(what string) []string { return rapid.SliceOfN(pattern, 0, 2).Draw(t, what) }
		name := rapid.SampledFrom([]string{"A", "a", "B", "c"})
		for range rapid.IntRange(0, 4).Draw(t, "asset rules") {
			r.Assets = append(r.Assets, incident.AssetRule{Name: name.Draw(t, "name"), Criticality: alert.Criticality(rapid.IntRange(0, 4).Draw(t, "level")), Keys: some("keys"), Tags: some("tags")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "alert rules") {
			r.Alerts = append(r.Alerts, incident.AlertRule{Tag: alert.Tag{Name: name.Draw(t, "name"), Kind: alert.TagKind(rapid.IntRange(0, 5).Draw(t, "kind"))},
				Titles: some("titles"), Categories: some("categories"), Threats: some("threats"), DetectionSources: some("sensors")})
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		r, a := rules(t), anyAlert(t, 1)
		for n := range a.Evidence {
			a.Evidence[n].Tags = rapid.SliceOfN(pattern, 0, 2).Draw(t, "tags")
		}
		before := a.Clone()
		got := r.Apply(a)
		require.Equal(t, before, a, "it changed what it was given")
		require.Equal(t, got, r.Apply(got))

		fresh := a.Clone()
		fresh.SystemTags = nil
		for n := range fresh.Evidence {
			fresh.Evidence[n].Criticality = alert.NotCritical
		}
		require.Equal(t, got, r.Apply(fresh), "it depends on what was there before")
		r.Assets, r.Alerts = rapid.Permutation(r.Assets).Draw(t, "order"), rapid.Permutation(r.Alerts).Draw(t, "order")
		require.Equal(t, got, r.Apply(a), "it depends on the order of rules")

		want := map[string]bool{}
		for _, rule := range r.Assets {
			if rule.Criticality > 0 && len(rule.Keys)+len(rule.Tags) > 0 {
				for n := range a.Evidence {
					if e := &a.Evidence[n]; e.Entity.Kind().Asset() != alert.NotAsset && classified(rule, e) {
						want[incident.Fold(rule.Name)] = true
						require.GreaterOrEqual(t, got.Evidence[n].Criticality, rule.Criticality)
					}
				}
			}
		}
		for _, rule := range r.Alerts {
			fits := func(patterns []string, texts ...string) bool {
				return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
					return slices.ContainsFunc(texts, func(text string) bool { return matches(incident.Fold(p), incident.Fold(text)) })
				})
			}
			if rule.Tag.Kind > alert.SystemTag && len(rule.Titles)+len(rule.Categories)+len(rule.Threats)+len(rule.DetectionSources) > 0 &&
				fits(rule.Titles, a.Title) && fits(rule.Categories, a.Category) && fits(rule.Threats, a.Threat, a.ThreatFamily) && fits(rule.DetectionSources, a.DetectionSource) {
				want[incident.Fold(rule.Tag.Name)] = true
			}
		}
		has := map[string]bool{}
		for _, tag := range got.SystemTags {
			require.False(t, has[incident.Fold(tag.Name)], "%s twice", tag.Name)
			has[incident.Fold(tag.Name)] = true
		}
		require.Equal(t, want, has)
		require.True(t, slices.IsSortedFunc(got.SystemTags, func(a, b alert.Tag) int { return strings.Compare(a.Name, b.Name) }))
	})
}

// classified is what an asset rule says of e, in the plainest words.
func classified(rule incident.AssetRule, e *alert.Evidence) bool {
	for _, key := range alert.Keys(e.Entity) {
		for _, p := range rule.Keys {
			if !key.IsShort() && matches(incident.Fold(p), incident.Fold(string(key))) {
				return true
			}
		}
	}
	return slices.ContainsFunc(e.Tags, func(tag string) bool {
		return slices.ContainsFunc(rule.Tags, func(want string) bool { return incident.Fold(want) == incident.Fold(tag) })
	})
}

// matches is what a pattern is, in the plainest words.
func matches(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return matches(pattern[1:], text) || text != "" && matches(pattern, text[1:])
	}
	return text != "" && pattern[0] == text[0] && matches(pattern[1:], text[1:])
}

// FuzzPattern: a pattern matches what the plainest words say, as the key of an asset and as the title of an alert.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"*", ""}, {"a*b*c", "abbc"}, {"a*a", "a"}, {"*ß*", "STRASSE"}, {"STRASSE", "Straße"}, {"*a*a*", "ba"}, {"UPN:A", "a"}, {"**a", "A"}, {"up*:x", "upn:x"}, {"upn:*", "upn:"}, {"e*\u0301", "é"}, {"*0*00*", "00@0"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 24 {
			return // the plainest words are slow
		}
		r := incident.TagRules{
			Assets: []incident.AssetRule{{Name: "asset", Criticality: alert.LowCriticality, Keys: []string{pattern}}},
			Alerts: []incident.AlertRule{{Tag: alert.Tag{Name: "alert", Kind: alert.Experts}, Titles: []string{pattern}}},
		}
		if r.Validate() != nil {
			return
		}
		mailbox := alert.Mailbox{UPN: text}
		got := r.Apply(alert.Alert{Title: text, Evidence: []alert.Evidence{{Entity: mailbox}}})
		require.Equal(t, classified(r.Assets[0], &alert.Evidence{Entity: mailbox}), got.Evidence[0].Criticality == alert.LowCriticality)
		require.Equal(t, matches(incident.Fold(pattern), incident.Fold(text)), slices.Contains(got.SystemTags, r.Alerts[0].Tag))
	})
}

// sixPieces is an alert as an endpoint raises it, one of whose assets is critical.
func sixPieces() alert.Alert {
	return alert.Alert{Title: "Suspicious service launched", Category: "LateralMovement", DetectionSource: "microsoftDefenderForEndpoint", ThreatFamily: "Cobalt",
		Evidence: []alert.Evidence{
			{Entity: alert.Device{DeviceID: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", DirectoryID: "7b0c9c2e-1111-2222-3333-444455556666", DNSName: "srv7.contoso.com"}, Tags: []string{"Domain Controller"}},
			{Entity: alert.User{DirectoryID: "7b0c9c2e-1111-2222-3333-444455556667", SID: "S-1-5-21-1004336348-1177238915-682003330-1104", UPN: "kai@contoso.com", Domain: "CONTOSO", Account: "kai"}},
			{Entity: alert.Mailbox{Address: "kai@contoso.com", UPN: "kai@contoso.com"}},
			{Entity: alert.IP{Address: "203.0.113.9"}},
			{Entity: alert.File{FileName: "a.exe", SHA256: strings.Repeat("0a", 32)}},
			{Entity: alert.URL{URL: "https://contoso.example/a"}},
		}}
}

// Rules run for every alert that comes in.
func BenchmarkTagRules(b *testing.B) {
	apply := incident.DefaultTagRules().Prepare()
	for name, a := range map[string]alert.Alert{"critical": sixPieces(), "plain": func() alert.Alert {
		a := sixPieces()
		a.Evidence[0].Tags = nil
		return a
	}()} {
		keys := a.KeySet()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				apply(a, keys)
			}
		})
	}
}
