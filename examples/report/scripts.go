package main

import (
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// Who works in Osaka and in Amman.
var (
	misaki = activity.Actor{ID: "misaki@example.com", Name: "佐藤 美咲"}
	layla  = activity.Actor{ID: "layla@example.com", Name: "ليلى حداد"}
	noa    = activity.Actor{ID: "noa@example.com", Name: "נועה"}
	minjun = activity.Actor{ID: "minjun@example.com", Name: "김민준"}
)

// scripts is an attack on a company of many languages, told by each office in its own.
func scripts(d *desk) {
	d.ingest(osaka()...)
	d.edit(5*time.Minute, misaki, incident.Edit{
		Owner: &incident.Owner{ID: misaki.ID, Name: misaki.Name}, Status: new(incident.InProgress), AddTags: []string{"要確認", "経理部"},
		Description: new("取引先を装った請求書のメールから始まった侵入です。経理部の端末が侵害され、その後、アンマン支社のアカウントとファイルサーバーにも不審な操作が広がりました。"),
	})
	d.comment(8*time.Minute, misaki, "経理部の田中さんに電話で確認しました。\n\n- 8時40分ごろに添付ファイルを開いた\n- **「コンテンツの有効化」** を押した\n- 画面が一瞬黒くなった\n\n"+
		"> 取引先の名前だったので、疑いませんでした。\n\n端末 `osk-keiri-07` は隔離済みです。手順は[対応手順書](https://runbooks.example.com/ja/phishing)を参照してください。")
	d.ingest(amman()...)
	d.comment(10*time.Minute, layla, "تحدثتُ مع المستخدمة هاتفيًا، وهي **لم تسجّل الدخول** من خارج المكتب.\n\n1. أُعيد تعيين كلمة المرور عند الساعة 10:15.\n"+
		"2. أُلغيت جميع الجلسات المفتوحة.\n3. حُذفت قاعدة إعادة التوجيه إلى `collector@parcel-mail.example`.\n\n> لم أتلقَّ أي رسالة تطلب مني تأكيد الدخول.\n\n"+
		"| الجهاز | الحالة |\n|---|---|\n| amm-fin-03 | معزول |\n| amm-fs-01 | قيد الفحص |\n")
	d.ingest(elsewhere()...)
	d.edit(3*time.Minute, layla, incident.Edit{AddTags: []string{"عاجل", "פריצה", "긴급", "紧急", "Επείγον", "Срочно"}})
	d.comment(4*time.Minute, noa, "בדקתי את החיבורים של התחנה tlv-dev-12: התקשורת עם 198.51.100.23 נפסקה בשעה 11:40, אחרי שהתחנה נותקה מהרשת.")
	d.comment(2*time.Minute, minjun, "서버 로그를 모두 보관했습니다. 관리자 계정의 비밀번호를 변경하고 원격 접속을 차단했습니다.")
	d.edit(6*time.Minute, misaki, incident.Edit{Name: new("請求書を装ったメールからの侵入 – اختراق عبر فاتورة مزيفة")})
	d.comment(30*time.Minute, misaki, "各支社の担当者へ：ログの保管期限は90日です。ありがとうございました。شكرًا لكم جميعًا، תודה רבה, 감사합니다, 谢谢大家, ευχαριστώ, спасибо!")
	d.edit(5*time.Minute, misaki, incident.Edit{
		Status:  new(incident.Resolved),
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Phishing},
		Note:    new("侵害された端末3台を初期化し、5つのアカウントのパスワードを変更しました。情報の持ち出しは確認されていません。أُبلغت إدارة فرع عمّان بالنتيجة."),
	})
}

// What all offices have in common, so that their alerts meet in one incident.
var (
	bill    = alert.File{FileName: "請求書_2026年3月分.docm", Path: `C:\Users\tanaka\Downloads`, SHA256: digest(60), Size: 211_968}
	control = alert.IP{Address: "198.51.100.23"}
	implant = alert.File{FileName: "更新プログラム.ps1", SHA256: digest(63), Size: 41_984}
	share   = alert.Device{DNSName: "amm-fs-01.example.com", OS: "WindowsServer2022", Group: "خوادم عمّان"}
)

func march(hour, minute int) time.Time { return time.Date(2026, 3, 15, hour, minute, 0, 0, time.UTC) }

func osaka() []alert.Alert {
	tanaka := alert.User{UPN: "tanaka@example.com", Account: "tanaka", Domain: "OSAKA", DisplayName: "田中 健一(経理部)"}
	pc := alert.Device{DNSName: "osk-keiri-07.example.com", OS: "Windows11", Group: "大阪本社・経理部"}
	return []alert.Alert{
		mail.raise("ja-101", march(23, 31), 4*time.Minute, alert.Alert{
			Title: "請求書を装った不審なメールが配信されました", Category: "InitialAccess", Techniques: []string{"T1566.001"}, Severity: alert.Medium,
			Description: "経理部の共有メールボックスに、取引先を装った請求書のメールが届きました。添付の文書を開くと、マクロの有効化を求める画面が表示されます。" +
				"同じ送信元からのメールが、このほかに6通確認されています。",
			RecommendedActions: "該当するメールをすべての受信者のメールボックスから削除し、添付ファイルを開いた端末をネットワークから隔離してください。送信元のドメインをブロック対象に追加してください。",
			Evidence: []alert.Evidence{
				asset(alert.Mailbox{Address: "keiri@example.com", DisplayName: "経理部 共有"}), asset(tanaka, alert.Attacked),
				found(alert.Message{
					NetworkMessageID: "ja-0001", Subject: "【重要】3月分ご請求書の送付について", Sender: "seikyu@parcel-status.example",
					Recipient: "keiri@example.com", Delivery: "配信済み", Location: "受信トレイ",
				}, alert.Malicious, alert.Remediated),
				found(bill, alert.Malicious, alert.Remediated),
			},
		}),
		endpoint.raise("ja-102", march(23, 42), 2*time.Minute, alert.Alert{
			Title: "Office文書から不審なPowerShellが起動されました", Category: "Execution", Techniques: []string{"T1059.001", "T1204.002"}, Severity: alert.High,
			Description: "WINWORD.EXEがエンコードされたコマンドでpowershell.exeを起動し、外部のサーバーからファイルをダウンロードしました。通常の業務では見られない動作です。",
			Evidence: []alert.Evidence{
				asset(pc, alert.Compromised), asset(tanaka), found(bill, alert.Malicious, alert.Remediated), found(control, alert.Malicious, alert.Blocked, alert.CommandAndControl),
				found(implant, alert.Malicious, alert.Blocked),
				found(alert.Process{
					Image: alert.File{FileName: "powershell.exe"}, PID: 8812, User: tanaka,
					CommandLine: `powershell.exe -File "C:\Users\tanaka\Documents\更新プログラム.ps1"`, Started: march(23, 42),
				}, alert.Malicious, alert.Blocked),
			},
		}),
	}
}

func amman() []alert.Alert {
	rania := alert.User{UPN: "rania@example.com", Account: "rania", Domain: "AMMAN", DisplayName: "رانيا العلي"}
	return []alert.Alert{
		identity.raise("ar-201", march(25, 2), 10*time.Minute, alert.Alert{
			Title: "محاولات متكررة لتسجيل الدخول من عنوان غير معروف", Category: "CredentialAccess", Techniques: []string{"T1110"}, Severity: alert.High,
			Description: "سُجِّلت 214 محاولة فاشلة لتسجيل الدخول إلى حساب المستخدمة خلال عشر دقائق، ثم نجحت محاولة واحدة من العنوان 198.51.100.23. " +
				"لم يسبق أن استُخدم هذا العنوان في الشركة.",
			RecommendedActions: "أعيدوا تعيين كلمة المرور وألغوا جميع الجلسات المفتوحة، ثم تحققوا من قواعد إعادة التوجيه في صندوق البريد.",
			Evidence: []alert.Evidence{
				asset(rania, alert.Compromised), asset(alert.Mailbox{Address: "rania@example.com", DisplayName: "رانيا العلي"}), found(control, alert.Malicious, alert.Blocked, alert.Source),
			},
		}),
		endpoint.raise("ar-202", march(25, 30), 12*time.Minute, alert.Alert{
			Title: "تنزيل عدد كبير من الملفات من مجلد مشترك", Category: "Collection", Techniques: []string{"T1039"}, Severity: alert.Medium,
			Description: "قرأ حساب واحد 1,870 ملفًا من مجلد «المالية» على الخادم amm-fs-01 خلال اثنتي عشرة دقيقة، وهو ما يزيد كثيرًا على المعتاد.",
			Evidence: []alert.Evidence{
				asset(share, alert.Attacked), asset(rania, alert.Compromised), asset(alert.Device{
					DNSName: "amm-fin-03.example.com", OS: "Windows11", Group: "محطات عمّان",
				}, alert.Source),
				found(alert.File{FileName: "فاتورة مارس 2026.docm", Path: `D:\المشاركات\المالية`, SHA256: digest(61), Size: 90_112}, alert.Suspicious, alert.Remediated),
				found(control, alert.Malicious, alert.Blocked, alert.CommandAndControl),
				found(implant, alert.Malicious, alert.Blocked),
			},
		}),
	}
}

// elsewhere returns the alerts of the other offices.
func elsewhere() []alert.Alert {
	pc := func(name, group string) alert.Evidence {
		return asset(alert.Device{DNSName: name + ".example.com", OS: "Windows11", Group: group}, alert.Compromised)
	}
	c2 := found(control, alert.Malicious, alert.Blocked, alert.CommandAndControl)
	script := found(implant, alert.Malicious, alert.Blocked)
	return []alert.Alert{
		identity.raise("ko-302", march(26, 12), time.Minute, alert.Alert{
			Title: "관리자 계정이 평소와 다른 시간에 사용되었습니다", Category: "PrivilegeEscalation", Techniques: []string{"T1078.002"}, Severity: alert.Medium,
			Description: "서버 관리자 계정이 파일 서버 amm-fs-01에 로그인했습니다. 담당자는 이 시간에 근무하지 않았다고 확인했습니다.",
			Evidence:    []alert.Evidence{asset(share), asset(alert.User{UPN: "seoul-admin@example.com", DisplayName: "서울 서버 관리자"}, alert.Compromised)},
		}),
		endpoint.raise("zh-303", march(26, 20), 2*time.Minute, alert.Alert{
			Title: "检测到异常的文件加密行为", Category: "Impact", Techniques: []string{"T1486"}, Severity: alert.High,
			Description: "在两分钟内,文件服务器上有 318 个文件被重命名并加密。进程已被终止,受影响的目录已设为只读。",
			Evidence: []alert.Evidence{
				asset(share, alert.Attacked), found(alert.File{FileName: "系统更新.exe", Path: `D:\临时文件`, SHA256: digest(62), Size: 512_000}, alert.Malicious, alert.Blocked),
			},
		}),
		endpoint.raise("el-304", march(26, 31), time.Minute, alert.Alert{
			Title: "Ύποπτη εργασία προστέθηκε στον χρονοπρογραμματιστή", Category: "Persistence", Techniques: []string{"T1053.005"}, Severity: alert.Low,
			Description: "Η εργασία «Ενημέρωση» εκτελεί άγνωστο πρόγραμμα σε κάθε σύνδεση του χρήστη και επικοινωνεί με εξωτερική διεύθυνση.",
			Evidence:    []alert.Evidence{pc("ath-hr-02", "Αθήνα"), asset(alert.User{UPN: "eleni@example.com", DisplayName: "Ελένη"}), c2, script},
		}),
		endpoint.raise("he-301", march(26, 5), 35*time.Minute, alert.Alert{
			Title: "זוהה חיבור יוצא לשרת שליטה מוכר", Category: "CommandAndControl", Techniques: []string{"T1071.001"}, Severity: alert.High,
			Description: "התחנה יצרה חיבור מוצפן אל 198.51.100.23 בכל חמש דקות. הכתובת מופיעה ברשימת שרתי השליטה שלנו (IOC-88).",
			Evidence:    []alert.Evidence{pc("tlv-dev-12", "תחנות פיתוח"), asset(alert.User{UPN: "yael@example.com", DisplayName: "יעל כהן"}), c2, script},
		}),
		endpoint.raise("ru-305", march(26, 44), time.Minute, alert.Alert{
			Title: "Защита на рабочей станции была отключена", Category: "DefenseEvasion", Techniques: []string{"T1562.001"}, Severity: alert.Medium,
			Description: "Пользователь без прав администратора остановил службу датчика. Через сорок секунд станция обратилась к внешнему серверу.",
			Evidence:    []alert.Evidence{pc("alm-dev-05", "Алма-Ата (разработка)"), asset(alert.User{UPN: "oleg@example.com", DisplayName: "Олег"}), c2, script},
		}),
	}
}
