package main

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// images is a matter of which people send each other pictures: the tills of three shops show a note.
func images(d *desk) {
	start := time.Date(2026, 4, 18, 6, 40, 0, 0, time.UTC)
	bert := activity.Actor{ID: "bert@example.com", Name: "Bert, shop floor"}
	for n, shop := range []string{"harbour", "market", "station"} {
		d.ingest(endpoint.raise(fmt.Sprintf("till-%d", n+1), start.Add(time.Duration(9*n)*time.Minute), 4*time.Minute, alert.Alert{
			Title: "The program of a till was replaced", Category: "Impact", Techniques: []string{"T1491.001"}, Severity: alert.High,
			Description: "At start the till in the " + shop + " shop loaded a program that its maker did not sign. It shows a note and takes no payments.",
			Evidence: []alert.Evidence{
				asset(alert.Device{DNSName: "till-1." + shop + ".example.com", OS: "Linux", Group: "Tills"}, alert.Compromised),
				found(alert.File{FileName: "pos-ui", Path: "/opt/pos/bin", SHA256: digest(40), Size: 8_388_608}, alert.Malicious, alert.ActiveThreat),
				found(alert.IP{Address: "198.51.100.40"}, alert.Suspicious, alert.ActiveThreat), // the update server
			},
		}))
	}
	d.edit(3*time.Minute, mira, incident.Edit{Owner: &incident.Owner{ID: mira.ID, Name: mira.Name}, Status: new(incident.InProgress), AddTags: []string{"Tills"}})
	d.comment(9*time.Minute, bert, "This is on the till since we opened:\n\n![The till in the harbour shop](attachment:IMG_0412.jpg)\n\nNothing "+
		"helps, not even pulling the plug.",
		incident.Image{Name: "IMG_0412.jpg", Data: jpg(photo(800, 600))})
	d.comment(4*time.Minute, mira, "What the remote console of the same till says, once as seen and once more below the quote:\n\n![Remote "+
		"console](attachment:console.png)\n\n"+
		"> ![the same again](attachment:console.png)\n> The last lines are ours.",
		incident.Image{Name: "console.png", Data: png(screenshot(960, 600))})
	d.comment(6*time.Minute, jonas, "The whole log of the night in one tall picture:\n\n![Log of the night, 2,400 pixels high](attachment:log.png)\n",
		incident.Image{Name: "log.png", Data: png(console(180, 2400))})
	d.comment(2*time.Minute, jonas, "And the traffic of all tills, a column for every minute: ![Traffic](attachment:traffic.png) The red ones are after the update.",
		incident.Image{Name: "traffic.png", Data: png(plot(2400, 100))})
	d.comment(5*time.Minute, bert, "The lamp blinks like this:\n\n![The lamp](attachment:lamp.gif)",
		incident.Image{Name: "lamp.gif", Data: animation(blink(true), blink(false))})
	d.comment(3*time.Minute, mira, "Of the update package, for whoever compares:\n\n- its stamp, which is see-through: ![The stamp](attachment:stamp.png)\n"+
		"- its one pixel: ![One pixel](attachment:pixel.png)\n- its icon: ![The icon](attachment:icon.png)\n- its gradient, 16 bits a colour: ![The "+
		"gradient](attachment:gradient.png)\n",
		incident.Image{Name: "stamp.png", Data: png(stamp(240))},
		incident.Image{Name: "pixel.png", Data: png(plot(1, 1))},
		incident.Image{Name: "icon.png", Data: png(plot(16, 16))},
		incident.Image{Name: "gradient.png", Data: png(ramp(400, 100))})
	d.comment(8*time.Minute, jonas, gallery(), shots()...)
	d.comment(time.Minute, jonas, "Not everything is here: ![lost](attachment:lost.png) was never attached, and "+
		"![theirs](https://tracker.example.net/pixel.gif?id=4711) is at the attacker's, where nobody should look for it. The last picture is attached "+
		"and not shown in the text.",
		incident.Image{Name: "unmentioned.png", Data: png(plot(300, 80))})
	d.edit(40*time.Minute, mira, incident.Edit{
		Status:  new(incident.Resolved),
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware},
		Note:    new("The update server had taken a package without a signature. All tills run the one of last week; pictures above are kept for the insurer."),
	})
}

// gallery is the comment to shots.
func gallery() string {
	var text strings.Builder
	text.WriteString("### Nine tills, photographed in turn\n\n")
	for n := range 9 {
		fmt.Fprintf(&text, "![Till %d](attachment:till-%d.jpg)\n", n+1, n+1)
	}
	text.WriteString("\nAll show the same but *number 5*, which was switched off.")
	return text.String()
}

// shots are small photographs of the tills.
func shots() (list []incident.Image) {
	for n := range 9 {
		p := image.Image(photo(240+16*n, 180))
		if n == 4 {
			p = dark(240, 180)
		}
		list = append(list, incident.Image{Name: fmt.Sprintf("till-%d.jpg", n+1), Data: jpg(p)})
	}
	return list
}

// dark returns a picture of a screen that is off, in grey.
func dark(w, h int) image.Image {
	p := image.NewGray(image.Rect(0, 0, w, h))
	fill(p, 0, 0, w, h, color.Gray{0x18})
	fill(p, w/4, h/5, w*3/4, h*3/5, color.Gray{0x05})
	return p
}
