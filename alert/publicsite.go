package alert

import (
	"strings"
	"sync"
)

// publicSites are the domains under which everybody's pages, files and services lie, so that only a whole URL
// tells anything; a name below one counts as the domain. They are hosting and sharing services, link
// shorteners, time servers, checks for an Internet connection or the own address, lists of revoked
// certificates, and search and update services. Sources: LOTS project; MISP warninglists on shorteners,
// captive portals, addresses of one's own and revocation lists.
var publicSites = sync.OnceValue(func() map[string]bool {
	return set(strings.Fields(`
		github.com githubusercontent.com github.io githubassets.com gitlab.com gitlab.io bitbucket.org
		sourceforge.net pastebin.com paste.ee ghostbin.com hastebin.com rentry.co transfer.sh file.io
		gofile.io anonfiles.com mega.nz mega.co.nz mediafire.com wetransfer.com dropbox.com
		dropboxusercontent.com box.com drive.google.com docs.google.com storage.googleapis.com
		googleusercontent.com sites.google.com forms.gle firebaseapp.com web.app
		firebasestorage.googleapis.com appspot.com cloudfunctions.net run.app amazonaws.com awsapps.com
		cloudfront.net azureedge.net azurewebsites.net windows.net azurefd.net cloudapp.net
		cloudapp.azure.com trafficmanager.net sharepoint.com onedrive.live.com 1drv.ms 1drv.com live.com
		office.com office365.com office.net outlook.com microsoft.com microsoftonline.com windowsupdate.com
		windows.com msftconnecttest.com msftncsi.com msedge.net skype.com bing.com msn.com workers.dev
		pages.dev r2.dev trycloudflare.com cloudflare.com cloudflare-dns.com fastly.net fastlylb.net
		akamaihd.net akamaized.net akamai.net edgekey.net edgesuite.net herokuapp.com netlify.app
		netlify.com vercel.app now.sh glitch.me repl.co replit.dev onrender.com ngrok.io ngrok-free.app
		ngrok.app serveo.net localhost.run loca.lt duckdns.org no-ip.org no-ip.com ddns.net dyndns.org
		hopto.org zapto.org wordpress.com blogspot.com weebly.com wixsite.com wix.com squarespace.com
		tumblr.com medium.com notion.so notion.site atlassian.net trello.com slack.com slack-files.com
		zoom.us telegram.org t.me api.telegram.org discord.com discordapp.com discordapp.net whatsapp.com
		facebook.com fbcdn.net instagram.com twitter.com x.com linkedin.com youtube.com youtu.be reddit.com
		google.com gstatic.com googleapis.com apple.com icloud.com mzstatic.com mozilla.org mozilla.com
		yahoo.com wikipedia.org archive.org bit.ly tinyurl.com t.co goo.gl ow.ly is.gd v.gd buff.ly
		rebrand.ly cutt.ly shorturl.at rb.gy tiny.cc lnkd.in t.ly qrco.de s.id pool.ntp.org time.windows.com
		time.apple.com time.google.com time.nist.gov time.cloudflare.com ntp.org ntp.ubuntu.com ipify.org
		ifconfig.me ifconfig.co icanhazip.com ipinfo.io ip-api.com checkip.dyndns.org ipecho.net myip.com
		whatismyip.com wtfismyip.com ident.me ip.me api.myip.com whatismyipaddress.com myexternalip.com
		checkip.amazonaws.com ipapi.co digicert.com verisign.com globalsign.com globalsign.net entrust.net
		sectigo.com usertrust.com comodoca.com lencr.org letsencrypt.org pki.goog godaddy.com identrust.com
		symcb.com symcd.com captive.apple.com connectivitycheck.gstatic.com detectportal.firefox.com
		nmcheck.gnome.org virustotal.com any.run hybrid-analysis.com urlscan.io joesandbox.com npmjs.org
		npmjs.com yarnpkg.com pypi.org pythonhosted.org rubygems.org crates.io nuget.org docker.io
		docker.com quay.io ghcr.io debian.org ubuntu.com canonical.com fedoraproject.org centos.org
		archlinux.org alpinelinux.org kernel.org
	`)...)
})

// isPublicSite reports whether host, which has small letters, is one of publicSites or lies below one.
func isPublicSite(host string) bool {
	for {
		if publicSites()[host] {
			return true
		}
		_, above, ok := strings.Cut(host, ".")
		if !ok {
			return false
		}
		host = above
	}
}
