"""The words that everything is composed of."""

from __future__ import annotations

__all__ = [
    "ADJECTIVES", "ADVERBS", "AUDIENCES", "CODE_NOUNS", "CODE_VERBS", "DOCUMENTS", "EXTENSIONS", "HUMAN_LANGUAGES", "INDUSTRIES",
    "NAMES", "NOUNS", "PREPOSITIONS", "SYLLABLES", "TONES", "TOPICS", "VERBS",
]  # fmt: skip


def words(text: str) -> tuple[str, ...]:
    """Words or phrases separated by bars or line ends."""
    return tuple(w.strip() for w in text.replace("\n", "|").split("|") if w.strip())


NOUNS = words("""
harbour|kettle|ledger|orchard|bridge|violin|lantern|quarry|ferry|chapel|glacier|meadow|printer|anchor|basket|beacon|blanket|boiler
bottle|bracket|bucket|button|cabin|candle|canvas|carpet|cellar|chimney|cistern|clinic|closet|collar|column|compass|cottage|counter
cradle|crane|cushion|dagger|dairy|desert|dinner|doorway|drawer|dungeon|easel|engine|envelope|factory|fence|fiddle|forest|fountain
furnace|gallery|garage|garden|gate|glove|granary|guitar|hammer|hangar|harvest|hedge|helmet|hinge|hostel|island|jacket|journal|kennel
kitchen|ladder|lagoon|lamp|letter|library|lighthouse|locker|magnet|mantel|map|market|mill|mirror|monument|mountain|museum|needle
notebook|office|oven|paddle|painting|palace|parcel|pasture|pebble|pendulum|pension|piano|pillar|pipe|planet|plough|pocket|portrait
pottery|pulley|quilt|railway|receipt|reservoir|ribbon|river|roof|rope|saddle|sail|school|scooter|shelf|shovel|signal|silo|sleeve
socket|spade|spoon|stadium|staircase|statue|stove|studio|suitcase|summit|tablet|tavern|teapot|telescope|temple|tent|theatre|thermos
threshold|ticket|timber|tower|tractor|trailer|tram|treaty|trench|tunnel|turbine|umbrella|valley|valve|vault|vessel|village|vineyard
wagon|wallet|wardrobe|warehouse|waterfall|wheel|whistle|window|workshop|wreath|yard|zipper|auditor|baker|captain|cousin|doctor
driver|editor|farmer|guard|hunter|judge|keeper|lawyer|mason|neighbour|nurse|painter|pilot|poet|pupil|sailor|singer|smith|tailor
teacher|trader|tutor|uncle|weaver|witness|worker
""")
VERBS = words("""
painted|carried|repaired|measured|borrowed|ignored|crossed|sold|hid|described|weighed|copied|polished|delivered|inspected|blamed
bought|burned|called|caught|chose|cleaned|closed|counted|covered|damaged|defended|designed|dragged|emptied|entered|expected|feared
filled|fixed|followed|found|gathered|guarded|handed|heated|hired|imagined|improved|inherited|joined|kept|kicked|labelled|left|lifted
loaded|locked|lost|loved|mentioned|missed|moved|needed|noticed|offered|opened|ordered|packed|praised|preferred|promised|pulled|pushed
questioned|raised|reached|remembered|removed|replaced|reported|reserved|returned|rewarded|saved|searched|sealed|served|shared|sketched
soaked|split|stacked|stole|stored|studied|supplied|tested|tied|traced|traded|trusted|turned|visited|wanted|warned|watched|wrapped
""")
ADJECTIVES = words("""
narrow|copper|quiet|broken|ancient|bitter|bright|brittle|careful|cheap|clumsy|coastal|common|cracked|crowded|crooked|curious|damp
dark|dented|distant|dusty|eager|early|eastern|elderly|empty|faded|faithful|famous|fertile|flat|foreign|fragile|frozen|gentle|golden
grateful|green|hasty|heavy|hollow|honest|humble|idle|jealous|joint|late|lazy|leaky|local|lonely|loose|lucky|marble|mended|mild|misty
modern|muddy|naked|nervous|northern|novel|odd|oily|orange|pale|patient|plain|polite|private|proud|public|purple|quick|rare|restless
rough|round|rural|rusty|salty|scarce|secret|severe|shallow|sharp|silent|silver|sleepy|slender|smooth|solemn|southern|spare|square|steep
sticky|strange|strict|stubborn|sturdy|sudden|swift|tall|tame|tender|thick|thin|tired|upper|useful|usual|vacant|vivid|warm|western|wide
""")
ADVERBS = words("""
rarely|quietly|often|almost|again|nearly|barely|calmly|twice|eagerly|finally|gladly|hardly|later|loudly|mostly|never|openly|partly
promptly|quickly|sadly|secretly|seldom|slowly|softly|soon|suddenly|surely|together|usually|wisely|yearly
""")
PREPOSITIONS = words(
    "behind|beside|under|above|near|inside|across|after|before|without|against|beyond|through|with|for"
)
TOPICS = words("""
compost bins|secondhand cameras|tax on freelance income|heat pumps|a garden wedding|trail running|learning the cello|sourdough
bee keeping|a leaking roof|moving to Lisbon|visa interviews|the water cycle|photosynthesis|supply and demand|plate tectonics
a capstone project|nursing handover notes|a landlord dispute|restaurant inventory|a used electric van|solar panels|chronic back pain
a lighthouse ghost story|haiku about trains|a best man speech|cold emails|pricing a craft stall|a podcast about chess|pivot tables
a Google Sheets budget|literature reviews|the Doppler effect|integration by parts|Bayes' theorem|enzyme kinetics|linked lists
SQL window functions|React state bugs|Docker networking|Kubernetes probes|pandas merges|git rebase|CSS grid|Arduino sensors
Rust lifetimes|Java streams|Terraform modules|pytest fixtures|OAuth flows|meal plans|vegan lasagne|dog anxiety|a neighbour's fence
unfair dismissal|a parking fine|travel insurance|a week in Hokkaido|a minimalist wardrobe|the Spanish subjunctive|German cases
Mandarin tones|negotiating a raise|team retrospectives|warehouse safety|hotel check-in|real estate listings|a charity raffle
index funds|credit scores|small claims court|a startup pitch|customer churn|market sizing|a logo brief|sleep apnoea|iron deficiency
physio after knee surgery|ADHD study plans|panic attacks|grief|3D printing warping|guitar amp hum|bike gears|mould in a bathroom
NAS backups|home automation|printer drivers
""")
DOCUMENTS = words("""
email|letter|summary|short story|blog post|poem|speech|lesson plan|checklist|product description|study guide|quiz|dialogue
slide outline|press release|FAQ|job advert|report section|proposal|complaint|apology|recipe|itinerary|comparison table|glossary
""")
AUDIENCES = words("""
my manager|a ten year old|my professor|customers|my landlord|a recruiter|the board|beginners|my grandmother|a hiring panel|parents
investors|new colleagues|my client
""")
TONES = words("friendly|formal|funny|plain|warm|concise|persuasive|neutral|professional|encouraging")
NAMES = words("""
Amira|Tomasz|Lucía|Jonas|Priya|Kwame|Hana|Oleg|Mei|Fatima|Diego|Elif|Noah|Ines|Bram|Siobhan|Yuki|Ravi|Chloe|Marek|Thandi|Ana|Victor
Leila|Owen|Greta|Samir|Nadia|Pablo|Ewa
""")
CODE_NOUNS = words("""
ledger|invoice|shipment|patient|booking|sensor|cart|ticket|lesson|player|parser|scheduler|cache|queue|session|token|report|catalog
router|worker|metrics|profile|billing|search|upload|notify|webhook|tenant|audit|export|render|mesh|camera|route|quota|stream|index
vault|policy|event
""")
CODE_VERBS = words(
    "get|load|parse|build|sync|merge|resolve|validate|fetch|apply|emit|collect|flush|reload|score|trim|encode|dispatch|rotate"
)
EXTENSIONS = {
    "python": "py", "typescript": "ts", "go": "go", "rust": "rs", "java": "java", "kotlin": "kt", "csharp": "cs", "ruby": "rb",
    "php": "php", "swift": "swift", "c++": "cpp", "scala": "scala", "elixir": "ex",
}  # fmt: skip
SYLLABLES = words(
    "bri|ka|lo|ven|ter|mo|qua|sil|dor|ne|ra|fi|lux|mar|tan|vo|el|pra|shi|gen|zo|cor|bel|nim|ast|har|pel|gro|wen"
)
INDUSTRIES = words("""
dental clinics|furniture shops|regional airlines|credit unions|pet insurers|language schools|property managers|wineries|bike rentals
tax advisers|recruiters|hospitals|museums|car dealers|farm supplies|fitness studios|freight forwarders|game studios|law firms|hotels
food banks|telecom operators|electricity suppliers
""")
HUMAN_LANGUAGES = words(
    "French|Spanish|German|Polish|Japanese|Hindi|Italian|Arabic|Portuguese|Korean|Turkish|Vietnamese"
)
