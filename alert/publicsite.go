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
		urldefense.com urldefense.us urldefense.proofpoint.com safelinks.protection.outlook.com
		safelinks.protection.office365.us secure-web.cisco.com linkprotect.cudasvc.com mimecast.com
		mimecastprotect.com sendgrid.net mailchimp.com list-manage.com mandrillapp.com mailgun.org
		hubspotlinks.com constantcontact.com
		jsdelivr.net unpkg.com cdnjs.com bootstrapcdn.com jquery.com b-cdn.net translate.goog ipfs.io
		dweb.link cf-ipfs.com catbox.moe 0x0.st temp.sh tmpfiles.org pixeldrain.com bashupload.com
		uguu.se oshi.at backblazeb2.com digitaloceanspaces.com ondigitalocean.app wasabisys.com
		oraclecloud.com linodeobjects.com vultrobjects.com aliyuncs.com myqcloud.com supabase.co
		fly.dev deno.dev surge.sh webflow.io framer.app carrd.co typeform.com jotform.com forms.office.com
		docusign.net docusign.com adobe.com canva.com figma.com miro.com airtable.com
		azure-api.net azurecr.io azurestaticapps.net gcr.io pkg.dev public.ecr.aws registry.k8s.io k8s.io
		mcr.microsoft.com maven.org huggingface.co codeberg.org sr.ht paste.rs dpaste.com dpaste.org
		controlc.com privatebin.net justpaste.it 0bin.net termbin.com archive.ph archive.is archive.today
		steamcommunity.com steampowered.com baidu.com qq.com weibo.com yandex.ru yandex.com vk.com mail.ru
		ok.ru tiktok.com snapchat.com pinterest.com amazon.com aws.amazon.com openai.com chatgpt.com
		anthropic.com netflix.com spotify.com paypal.com ebay.com stackoverflow.com duckduckgo.com
		salesforce.com force.com zendesk.com hubspot.com intuit.com okta.com oktapreview.com
		ifconfig.io checkip.dyndns.com amazontrust.com
	`)...)
})

// commonPages are the domains of which every page is the same for everybody and is read by machines, so that
// not even a whole URL tells anything: resolvers, checks for an Internet connection or the own address, time
// servers and lists of revoked certificates. Sources as of publicSites; AdGuard's list of DNS providers.
var commonPages = sync.OnceValue(func() map[string]bool {
	return set(strings.Fields(`
		dns.google dns.google.com dns64.dns.google cloudflare-dns.com one.one.one.one dns.quad9.net
		dns9.quad9.net dns10.quad9.net dns11.quad9.net doh.opendns.com dns.adguard.com dns.adguard-dns.com
		dns.nextdns.io doh.cleanbrowsing.org doh.pub dns.alidns.com dns.mullvad.net
		msftconnecttest.com msftncsi.com captive.apple.com connectivitycheck.gstatic.com
		connectivitycheck.android.com detectportal.firefox.com nmcheck.gnome.org
		connectivity-check.ubuntu.com pool.ntp.org time.windows.com time.apple.com time.google.com
		time.nist.gov time.cloudflare.com ntp.ubuntu.com
		ipify.org ifconfig.me ifconfig.co ifconfig.io icanhazip.com ipinfo.io checkip.dyndns.org
		checkip.dyndns.com ipecho.net wtfismyip.com ident.me api.myip.com myexternalip.com
		checkip.amazonaws.com ipapi.co ip-api.com
		ocsp.digicert.com crl3.digicert.com crl4.digicert.com crl.microsoft.com ocsp.msocsp.com
		ctldl.windowsupdate.com ocsp.verisign.com ocsp.globalsign.com crl.globalsign.net ocsp.entrust.net
		ocsp.sectigo.com crl.sectigo.com ocsp.usertrust.com crl.usertrust.com ocsp.comodoca.com
		crl.comodoca.com lencr.org ocsp.pki.goog crl.pki.goog c.pki.goog o.pki.goog ocsp.godaddy.com
		crl.godaddy.com ocsp.identrust.com ocsp.rootca1.amazontrust.com crl.rootca1.amazontrust.com
		amazontrust.com ocsp.apple.com crl.apple.com metadata.google.internal metadata.azure.internal
	`)...)
})

// isPublicSite reports whether host, which has small letters, is one of publicSites or lies below one.
func isPublicSite(host string) bool { return isBelow(publicSites(), host) }

// isCommonPage reports whether nothing on host, which has small letters, tells anything.
func isCommonPage(host string) bool { return isLocalHost(host) || isBelow(commonPages(), host) }

// isBelow reports whether a host is in table or lies below one that is.
func isBelow(table map[string]bool, host string) bool {
	if over := len(host) - maxHost; over > 0 {
		host = host[over:] // no host has a longer name, and each label costs what is behind it
	}
	for {
		if table[host] {
			return true
		}
		_, above, ok := strings.Cut(host, ".")
		if !ok {
			return false
		}
		host = above
	}
}
