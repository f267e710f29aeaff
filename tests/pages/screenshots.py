"""
Take the pictures of the README anew: ``python -m tests.pages.screenshots`` (``make screenshots``).

Plays the campaign up to the fifth inspection day in a home of its own, and photographs what people then see.
"""

import tempfile
from datetime import date, time
from pathlib import Path

from onevisit.demo import papers, stand
from onevisit.demo.moved import unmoved
from onevisit.demo.papers import ROOT
from onevisit.demo.player import Player
from onevisit.demo.story import RESULTS, VISIT_DAYS, Story
from onevisit.home import ADMIN_LOGIN
from runtime.secrets import Secrets
from tests.pages.browser import chromium
from tests.scenario.hands import Hands

PICTURES = ROOT / "docs" / "pictures"
TODAY = date(2018, 12, 14)
MOST_BYTES = 300_000
CAMPAIGN = {"x": 0, "y": 0, "width": 1280, "height": 1240}


def main() -> None:
    """Play, photograph, and say how large the pictures are."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        stand.found(home)
        server = stand.start_server(home)
        try:
            assert stand.wait_until_up(home, server), "the county did not start"
            secrets = Secrets.load(home / "secrets.toml")
            player = Player(lambda: address(home), secrets.password, ADMIN_LOGIN)
            story = Story(player, unmoved(papers.read_calendar()), papers.PACK.read_bytes(), "NX-2018")
            play_until_today(story)
            PICTURES.mkdir(exist_ok=True)
            with chromium() as browser:
                hands = Hands(browser, address(home), secrets.password)
                photograph_campaign(hands, story)
                photograph_checklist(hands, story)
            player.close()
        finally:
            stand.stop_server(server)
    for picture in sorted(PICTURES.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(ROOT)}  {size // 1000} kB")
        assert size <= MOST_BYTES, "too large for a README"


def address(home: Path) -> str:
    """Return where the county is served."""
    return (home / "address").read_text(encoding="ascii").strip()


def play_until_today(story: Story) -> None:
    """Let everything happen that happens before today's visits."""
    for beat in story.beats():
        if (beat.day, beat.at) >= (TODAY, time(12)):
            break
        story.player.move_clock(story.move.moment(beat.day, beat.at))
        beat.act()
    story.player.move_clock(story.move.moment(TODAY, time(14, 30)))


def photograph_campaign(hands: Hands, story: Story) -> None:
    """Photograph the campaign page as the lead's planner sees it."""
    with hands.as_("jt-plan") as planner:
        planner.opens(f"/campaigns/{story.campaign_id}")
        planner.page.set_viewport_size({"width": 1280, "height": 1240})
        planner.page.screenshot(path=PICTURES / "campaign.png", clip=CAMPAIGN)  # type: ignore[arg-type]


def photograph_checklist(hands: Hands, story: Story) -> None:
    """Photograph a checklist on a phone, while a licence that does not match makes it ask more."""
    visit = story.visits[VISIT_DAYS.index(TODAY.day)]
    shown = story.player.get("jt-plan", f"{RESULTS}/visits/{visit['visit']}")
    section = next(one for one in shown["sections"] if one["agency"] == "JT")
    officer = section["team"][0]["officer"].lower()
    with hands.as_(officer, phone=True) as inspector:
        inspector.opens(f"/sections/{section['section']}")
        inspector.answers("能否通过登记的住所", "是")
        inspector.answers("道路运输经营许可是否有效", "是")
        inspector.fills("抽查的驾驶员人数", "3")
        inspector.answers("抽查的驾驶员从业资格", "不相符")
        inspector.fills("发现的问题", "一名驾驶员驾驶证准驾车型与所驾车辆不符")
        inspector.fills("不相符情形说明", "准驾车型为 B2，所驾车辆为大型客车")
        inspector.page.locator(":focus").blur()
        inspector.page.locator("legend", has_text="抽查的驾驶员从业资格").evaluate(
            "element => window.scrollTo(0, element.getBoundingClientRect().top + window.scrollY - 130)"
        )
        inspector.page.screenshot(path=PICTURES / "checklist-phone.png")


if __name__ == "__main__":
    main()
