/* How much of what is private do whole texts let through?  Texts of two kinds, written for this
 * test: judgments in the manner of a human rights court, and what people ask an assistant.  What is
 * private in them stands in braces.  Two figures of each kind: the private characters that some
 * find covers, and the private units covered whole. */
#include "base/tap.h"
#include "label/detect.h"

static const char *const judgments[] = {
    "The case originated in an application (no. {51877/09}) against the Republic of {Poland} "
    "lodged "
    "with the Court under Article 34 of the Convention by a {Polish} national, {Mr Zbigniew "
    "Orzechowski} (\"the applicant\"), on {14 September 2009}. The applicant was represented by "
    "{Ms "
    "A. Wrona-Kalinowska}, a {lawyer} practising in {Lublin}. The {Polish} Government were "
    "represented by their Agent, {Mr J. Wieczorek}, of the {Ministry of Foreign Affairs}.",

    "The applicant was born in {1961} and is currently detained in {Zamosc Prison}. On {3 March "
    "2004} "
    "he was arrested by officers of the {Lublin District Police} on suspicion of having robbed a "
    "jeweller. On {5 March 2004} the {Lublin District Court} (Sad Rejonowy) remanded him in "
    "custody "
    "for {three months}. It relied on the statements of two witnesses, {M.K.} and {Tadeusz "
    "Bielak}, "
    "the applicant's {former brother-in-law}.",

    "{Mrs Fatma Karadeniz}, {a seamstress}, and her three children, {Emre}, {Selin} and {Burak "
    "Karadeniz}, live in {Diyarbakir}. On the night of {21 to 22 November 1993} soldiers from the "
    "{Kulp gendarmerie station} came to the village of {Inkaya}. According to the applicant her "
    "husband, {Mehmet Karadeniz}, was taken away in a military vehicle. She lodged a petition with "
    "the {Diyarbakir State Security Court} on {2 December 1993}; it was registered under file no. "
    "{1993/4471}.",

    "By a judgment of {17 June 2011} the {Supreme Court of Cassation} dismissed his appeal (case "
    "no. "
    "{K-218/11}). It upheld a sentence of {eleven years and six months'} imprisonment and an award "
    "of "
    "{4,500 euros (EUR)} to the heirs of {Stoyan Dimitrov Petkov}. The reasons were served on the "
    "applicant's lawyer, {Mr V. Ganchev}, on {30 September 2011}.",

    "In {spring 1998} the first applicant, {a Romanian national of Roma origin} who had worked as "
    "{a "
    "bus driver} in {Cluj-Napoca}, was diagnosed with {paranoid schizophrenia}. He was admitted to "
    "the {Saint Pantelimon Psychiatric Hospital}, where {Dr Ileana Stroe} examined him on three "
    "occasions between {April and June 1998}. His mother, {Elena Lacatus}, then {aged 67}, asked "
    "the "
    "{Cluj County Council} for {1,200,000 Romanian lei}.",

    "THE FACTS. The applicants, {HENRIK LINDSTROM} and {KIRSTEN DAHL}, are {Danish} nationals who "
    "were "
    "born in {1955} and {1958} respectively and live in {Hellerup}. They owned {65%} of the shares "
    "in "
    "{Nordhavn Maritime Holding A/S}, a company registered in {Copenhagen}. In the {early 1990s} "
    "the "
    "company was sold to a Mr {P.} for approximately {19 million Danish kroner (DKK)}.",

    "The {Bonn Regional Court} found that {Klaus-Dieter Rothmann}, {a retired civil engineer} born "
    "on "
    "{9 July 1939}, had assaulted the {Bosnian} refugee {Adnan Hodzic} in {the Tannenbusch "
    "district}. "
    "On {Monday 12 January 2004}, at about {10.30 p.m.}, the victim had been brought to the "
    "{University Hospital of Bonn} with a fractured skull. {Professor W. Steinkamp} submitted his "
    "expert opinion {four weeks} later.",

    "Relying on a report by the {Helsinki Committee of Armenia}, {Ms Anahit Sargsyan} complained "
    "to "
    "the {Office of the Prosecutor General} that her son {Gor} had been beaten at the {Erebuni "
    "police "
    "station}. {Investigator H. Petrosyan} questioned {Captain A. Manukyan} on {8 February 2010}. "
    "In a "
    "letter of {26.02.2010} the prosecutor refused to institute criminal proceedings (decision no. "
    "{61204310}).",

    "The applicant, {a journalist} and the editor of the weekly {Vechernie Vesti}, published an "
    "article on {11 May 2006} in which he accused the {Mayor of Krasnoyarsk}, {Mr Oleg Ryabtsev}, "
    "of "
    "having bought {a villa in Limassol} with money of {Sibirstroy LLC}. The {Sovetskiy District "
    "Court} ordered him to pay {50,000 Russian roubles (RUB)}, about {1,470 euros}, within {ten "
    "days}.",

    "{Maria Joao Teixeira Lopes} and her husband bought a flat at {Rua do Carmo 41} in {Setubal} "
    "on "
    "{22/10/1997}. The sale was recorded by {Notary Ferreira}. When {Banco Atlantico de "
    "Investimento "
    "S.A.} brought enforcement proceedings in {2001}, she was {43 years old}, {divorced} and "
    "{unemployed}. She has been living with her sister {Teresa} in {Seixal} since {October 2002}.",
};

static const char *const prompts[] = {
    "Write a cover letter for {Priya Venkataraman} who is applying for the post of data analyst at "
    "{Halcyon Biosciences} in {Leeds}. Her e-mail is {priya.v@mailbox.example}.",
    "can you fix the grammar: dear {mr okafor}, i was at your office in {lagos} on {12th june} but "
    "{chidinma} told me you travel to {abuja}",
    "Summarise this: {Tomasz Zielinski}, CFO of {Brightwater Logistics Ltd}, announced that the "
    "firm "
    "would close its {Gdansk} warehouse.",
    "My daughter {Saoirse} is {7} and goes to {St Brigid's Primary School} in {Athlone}. Write a "
    "poem "
    "for her birthday on {4 May}.",
    "Translate to German: I am {Jonathan Mbeki} from {Cape Town}, I worked {six years} at "
    "{Standard "
    "Bank} and now study at {University of Stellenbosch}.",
    "You are a recruiter. Evaluate this resume:\n{DEEPAK RAMANATHAN}\n{14 Church Street, Bengaluru "
    "560001}\nPhone: {+91 98450 12345}\nGitHub: {github.com/deepakr-dev}\nExperience: {Infosys} "
    "({2014-2018}), {Wipro Technologies}",
    "Please write an email to {Hannah} telling her that {Professor Lindgren} moved the seminar to "
    "{Thursday}. Sign it {Oskar}.",
    "I have a meeting with {Kwame Asante-Boateng} of {Ghana Cocoa Board} about contract "
    "{GCB-2023-0117}. What should I ask?",
    "Rewrite in a formal tone: hey {Liz}, {Marco}'s wife {Giulia Ferrante} had her baby at "
    "{Ospedale "
    "San Raffaele} last {Friday}, so he's out till {the 15th}.",
    "Who was right? My husband {Stefan} says that we met {Ingrid and Bjorn} in {Trondheim} in "
    "{2011}, "
    "I say it was in {Bergen}.",
    "create a linkedin post for {Northgate Dental Clinic}, {Dr. Amelia Foster-Wright}, {Bristol}, "
    "{0117 496 0123}",
    "my landlord {Harold Pinkney} of {Pinkney & Sons Properties} kept my {$1,850} deposit for {22B "
    "Alder Court, Portland, OR 97205}. Draft a demand letter.",
    "Text: \"{Nguyen Thi Thu Ha}, a nurse at {Bach Mai Hospital} in {Hanoi}, won {200 million "
    "dong}.\" "
    "Make it into a headline.",
    "I'm {Yusuf}, {34}, {software engineer} from {Izmir}. I was diagnosed with {type 2 diabetes} "
    "in "
    "{March 2022}. Make me a diet plan.",
    "Explain the email below from my boss {Catherine Delacroix-Meunier} "
    "({catherine.dm@lumiere.example}): "
    "we shall meet the people of {Groupe Valmont SA} in {Clermont-Ferrand}.",
    "Generate a story in which {Zara} and her brother {Idris} visit {Marrakesh}.",
    "Ticket {INC0048213}: user {jsmith42} cannot reach {fileserver03.corp.example} from "
    "{10.20.3.44}. "
    "Write a reply.",
    "Bitte schreibe eine Kündigung an {Frau Annegret Böttcher}, {Hausverwaltung Sonnenschein "
    "GmbH}, "
    "{Lindenallee 7}, {04109 Leipzig}.",
    "Écris une lettre à {Monsieur Baptiste Lefèvre}, maire de {Saint-Malo}, pour {l'association "
    "Les "
    "Amis du Port}.",
    "What do you think about the article by {Rebecca Thornbury} in the {Manchester Courier} about "
    "{Councillor Imran Sheikh}?",
    "Act as a lawyer. {Maria Gonzalez} was hit by a car of {SwiftCab Inc.} driven by {Dwayne "
    "Tucker} in "
    "{Tucson, Arizona} on {January 9, 2023}. Claim number {AZ-77-40982}.",
    "Make a table: {Ahmed Al-Farsi} - {Muscat} - {ahmed_alfarsi@example.com}; {Li Wei} - {Chengdu} "
    "- "
    "{liwei88@example.cn}; {Olga Ivanovna Smirnova} - {Perm}",
    "Dear Hiring Manager at {Quantum Leap Robotics}, I am a graduate of {Indian Institute of "
    "Technology Madras} ...  continue please. My name is {Arjun Subramanian}.",
    "Proofread: The {Riverside Community Church} invites you to the wedding of {Grace Oyelaran} "
    "and "
    "{Peter van den Heuvel} on {Saturday, 21 September}.",
};

static struct spans found;

struct tally {
    size_t chars, covered, units, whole;
};

/* Blanks and punctuation at the ends of a name are nobody's. */
static void count(struct tally *t, struct slice text, size_t start, size_t end)
{
    size_t covered = 0;

    for (size_t at = start; at < end; at++) {
        bool in = false;
        for (size_t i = 0; i < found.n; i++)
            in |= at >= found.all[i].start && at < found.all[i].end;
        covered += in || strchr(" ,.()'\n", text.p[at]) != NULL;
    }
    t->chars += end - start;
    t->covered += covered;
    t->units++;
    t->whole += covered == end - start;
    if (covered < end - start)
        printf("#   open: %.*s\n", (int)(end - start), text.p + start);
}

static void weigh(struct detect *d, const char *marked, struct tally *t)
{
    CLEANUP(buf_done) struct buf text = {0};
    size_t starts[64], ends[64], n = 0;

    for (const char *p = marked; *p; p++)
        if (*p == '{')
            starts[n] = text.len;
        else if (*p == '}')
            ends[n++] = text.len;
        else
            buf_add_char(&text, *p);
    CHECK_EQ(detect_scan(d, buf_slice(&text), 0, &found, NULL), NIGH_OK);
    for (size_t i = 0; i < n; i++)
        count(t, buf_slice(&text), starts[i], ends[i]);
}

static struct tally weigh_all(const char *name, const char *const *texts, size_t n)
{
    struct detect *d = NULL;
    struct tally t = {0};

    CHECK_EQ(detect_new(&d, &(struct detect_spec){.names = true}, NULL), NIGH_OK);
    for (size_t i = 0; i < n; i++)
        weigh(d, texts[i], &t);
    printf(
        "# %-10s %zu of %zu private characters covered (%zu %%), %zu of %zu units whole (%zu %%)\n",
        name, t.covered, t.chars, 100 * t.covered / t.chars, t.whole, t.units,
        100 * t.whole / t.units);
    detect_free(d);
    return t;
}

TEST(of_judgments_most_private_characters_are_covered)
{
    struct tally t = weigh_all("judgments", judgments, ARRAY_LEN(judgments));

    CHECK(t.covered * 100 >= t.chars * 60);
}

TEST(of_prompts_most_private_units_are_covered_whole)
{
    struct tally t = weigh_all("prompts", prompts, ARRAY_LEN(prompts));

    CHECK(t.whole * 100 >= t.units * 50);
}
